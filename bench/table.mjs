// Prints the tables of a README from a machine file of `gatecell bench --rivals --save`, as Markdown:
//   node bench/table.mjs bench/machines/this.json
import { readFileSync } from 'node:fs'

const [path] = process.argv.slice(2)
if (path === undefined) {
  console.error('Expected a machine file, which gatecell bench --save writes, and received none.')
  process.exit(2)
}
const { machine, limits, rows } = JSON.parse(readFileSync(path, 'utf8'))

const digits = (value) => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
const time = (us) => (us < 1000 ? `${digits(us)} us` : `${digits(us / 1000)} ms`)
const percent = (share) => (typeof share === 'number' ? `${Math.round(100 * share)} %` : '')
const keyOf = ({ workload, shape, threads, precision, isa }) =>
  JSON.stringify([workload, shape, threads, precision, isa])

/** Sizes that differ within the workload's table. */
const label = ({ shape: { layers, B, T, H }, threads, precision }) =>
  `${layers} x ${H}${B > 1 || T > 1 ? `, B ${B}, T ${T}` : ''}, ${threads} thread${threads > 1 ? 's' : ''}${precision === 'f32' ? '' : `, ${precision}`}`

const line = (cells) => console.log(`| ${cells.join(' | ')} |`)

console.log(`${machine.machine.trim()}, ${machine.isa}, Node ${machine.node}, gatecell ${machine.gatecell}.`)
const peaks = limits.filter(({ unit, isa }) => unit === 'GFLOP/s' && isa === machine.isa)
console.log(
  `Measured peaks: ${peaks.map(({ limit, threads, value }) => `${limit} ${digits(value)} GFLOP/s (${threads})`).join(', ')}.`
)

for (const workload of new Set(rows.map((row) => row.workload))) {
  const own = rows.filter((row) => row.workload === workload && row.rival === undefined && 'share_of_limit' in row)
  const others = rows.filter((row) => row.workload === workload && typeof row.ratio === 'number')
  if (own.length === 0) continue
  const names = [...new Set(others.map(({ rival, version }) => `${rival} ${version}`))]
  const executed = own.some((row) => typeof row.executed_share === 'number')
  console.log()
  line([workload, 'gatecell', 'of the limit', ...(executed ? ['executed'] : []), ...names])
  line(['---', ...Array(1 + 1 + (executed ? 1 : 0) + names.length).fill('---:')])
  for (const row of own) {
    const cells = names.map((name) => {
      const found = others.find((other) => keyOf(other) === keyOf(row) && `${other.rival} ${other.version}` === name)
      return found ? `${time(found.rival_us)} (x ${found.ratio.toFixed(2)})` : ''
    })
    const shares = [percent(row.share_of_limit), ...(executed ? [percent(row.executed_share)] : [])]
    line([label(row), time(row.median_us), ...shares, ...cells])
  }
}
