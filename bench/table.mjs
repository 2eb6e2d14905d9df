// Prints the tables of a machine file of `gatecell bench --rivals --save`, as Markdown, and with --page the page docs/benchmarks.md:
//   node bench/table.mjs bench/machines/this.json
//   node bench/table.mjs bench/machines/zen4-2-cores.json --page > docs/benchmarks.md
import { readFileSync } from 'node:fs'

const page = process.argv.includes('--page')
const path = process.argv.slice(2).find((word) => word !== '--page')
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

if (page) {
  console.log(`# Speed

This page is written by \`node bench/table.mjs ${path} --page\` from one whole run of

\`\`\`
npm run bench -- train-char layer sequence step sample --hidden 128,256,512,1024 --rivals --time 0.2s --save ${path}
\`\`\`

with \`GATECELL_PYTHON\` set to a Python with PyTorch. A run measures the limits of the machine first, then each workload, and the rivals turn by turn with
it. Figures are medians; in brackets is the time of the rival divided by the time of gatecell.

- The limit is the arithmetic peak. For \`step\` and \`sample\` it is reading the weights from the cache or the memory that they are in, for \`sequence\` at
  batch 1 both. The shares of \`train-char\` and \`sample\` count the arithmetic or the bytes of the textbook network; gatecell executes less (the column
  "executed"): an embedding that only feeds an LSTM is folded into that layer, one product per symbol of the vocabulary instead of one per position.
- oneDNN has no whole training step: \`train-char\` compares with its layers only. onnxruntime-node does not train.
- At some times the two cores of this machine seem to share an L3 cache, at others not (\`fork and join\` takes 0.08 or 0.42 us). Without a shared cache
  every library is slower on two threads, and gatecell loses more, so that at 256 units rivals are level or ahead.
- \`bench/lab/attempts.md\` has the experiments that led to the kernels, those that lost included.
`)
}
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

const ahead = rows.filter(({ ratio }) => typeof ratio === 'number' && ratio < 1)
if (page && ahead.length > 0) {
  const names = ahead.map((row) => `${row.rival} in ${row.workload} ${label(row)} (x ${row.ratio.toFixed(2)})`)
  console.log(`\nRivals are ahead in ${ahead.length} of these: ${names.join('; ')}.`)
}
