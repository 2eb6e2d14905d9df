// Prints what native/cuda/test/bench.sh has measured as a Markdown table: a row for each shape, with the box of cuDNN that it falls in,
// cuDNN's time over ours, and whether that reaches the bar of its box. Machine files of `gatecell bench --device cuda|auto` (.json)
// become tables of training steps next to PyTorch and of the choices of auto.
//   node bench/gpu-table.mjs bench/machines/<device>-bf16.jsonl bench/machines/<device>-train-512.json ...
// Boxes. narrow: where PyTorch can take a persistent kernel of cuDNN: one layer, one direction, at most 1024 units in multiples of
// 128, a batch of a multiple of 8 up to 128; or at most 192 units. lengths: against PackedSequence. outside: everything else.
import { readFileSync, realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const KEYS = ['H', 'B', 'T', 'layers', 'directions', 'lengths']

export function boxOf({ H, B, layers, directions, lengths }) {
  if (lengths) return 'lengths'
  if (H <= 192) return 'narrow'
  const persistent = layers === 1 && directions === 1 && H <= 1024 && H % 128 === 0 && B % 8 === 0 && B <= 128
  return persistent ? 'narrow' : 'outside'
}

/** The ratio that is asked for, and for forward with backward the same; null: being ahead is the goal, not the bar. */
export function barOf(row) {
  const box = boxOf(row)
  if (box === 'lengths') return 10
  if (box === 'outside') return row.B <= 64 ? 3 : null
  return row.H === 768 && row.B === 16 ? 1 : null
}

/** Rows of JSON Lines; later ones of a library, precision and shape replace earlier ones. Lines that say `skipped:` are left out. */
export function readRows(text) {
  const lines = text.split('\n').filter((line) => line.startsWith('{'))
  const all = lines.map((line) => JSON.parse(line))
  const rows = new Map()
  for (const row of all) if ('H' in row) rows.set(keyOf(row), row)
  return { heads: all.filter((row) => !('H' in row)), rows: [...rows.values()] }
}

const shapeOf = (row) => JSON.stringify(KEYS.map((key) => row[key]))
const keyOf = (row) => `${row.library} ${row.precision} ${shapeOf(row)}`
/** The precisions of PyTorch that are compared with each of ours. */
const comparedPrecisions = { bf16: ['bf16', 'f16'], tf32: ['tf32'], f32: ['f32'] }

/** One comparison for each of our rows: ratios are null where either side has no time. */
export function compare(rows) {
  const theirs = rows.filter(({ library }) => library === 'torch')
  return rows
    .filter(({ library }) => library === 'gatecell')
    .map((row) => {
      const same = theirs.filter(
        (other) => comparedPrecisions[row.precision].includes(other.precision) && shapeOf(other) === shapeOf(row)
      )
      const [forward, both] = ['forward_us', 'both_us'].map((field) => contest(row, same, field))
      return { row, box: boxOf(row), bar: barOf(row), forward, both }
    })
}

function contest(row, others, field) {
  const timed = others.filter((other) => typeof other[field] === 'number')
  const best = timed.sort((a, b) => a[field] - b[field])[0]
  const ours = typeof row[field] === 'number' ? row[field] : null
  const ratio = best && ours !== null ? best[field] / ours : null
  return { ours, theirs: best?.[field] ?? null, type: best?.precision ?? null, ratio }
}

/** Returns `met` or `missed` if there is a bar, else `ahead` or `behind`; `not measured` if a time is missing. */
export function verdictOf({ bar, forward, both }) {
  if (forward.ratio === null || both.ratio === null) return 'not measured'
  const least = Math.min(forward.ratio, both.ratio)
  if (bar === null) return least >= 1 ? 'ahead' : 'behind'
  return least >= bar ? 'met' : 'missed'
}

const digits = (value) => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
const time = (us) => (us === null ? '-' : digits(us))

function cells(comparison) {
  const { row, box, bar, forward, both } = comparison
  const contest = ({ ours, theirs, type, ratio }) => {
    return [time(ours), theirs === null ? '-' : `${time(theirs)} (${type})`, ratio === null ? '-' : ratio.toFixed(2)]
  }
  const shape = [row.precision, ...KEYS.slice(0, 5).map((key) => String(row[key]))]
  return [
    ...shape,
    box,
    ...contest(forward),
    ...contest(both),
    bar === null ? 'goal 1' : String(bar),
    verdictOf(comparison)
  ]
}

export function tableOf(text) {
  const { heads, rows } = readRows(text)
  const comparisons = compare(rows)
  const us = (what) => [`${what}, us a step`, 'cuDNN', 'ratio']
  const names = ['type', 'H', 'B', 'T', 'layers', 'directions', 'box', ...us('forward'), ...us('both'), 'bar', '']
  const line = (list) => `| ${list.join(' | ')} |`
  const about = heads.map(({ library, ...rest }) => `${library}: ${Object.values(rest).join(', ')}`)
  const count = (word) => comparisons.filter((one) => verdictOf(one) === word).length
  const sums = ['met', 'missed', 'ahead', 'behind', 'not measured'].map((word) => `${count(word)} ${word}`)
  return [
    [...new Set(about)].join('; ') + '.',
    `Bars: ${sums.slice(0, 2).join(', ')}; without a bar: ${sums.slice(2).join(', ')}.`,
    '',
    line(names),
    line(names.map((_, i) => (i === 0 || i === 6 || i === names.length - 1 ? '---' : '---:'))),
    ...comparisons.map((comparison) => line(cells(comparison)))
  ].join('\n')
}

/** The ratio, PyTorch's time over ours, that a training step is to reach. */
const TRAIN_BAR = 2

/** Returns the tables of a machine file: rows with a rival, and rows that show whether auto was right. */
export function machineTables({ machine, rows }) {
  const label = ({ workload, shape: { layers, H, B, T }, precision }) =>
    `${workload} ${layers} x ${H}, B ${B}, T ${T}, ${precision}`
  const chosen = rows.filter((row) => row.chosen !== undefined)
  const races = rows.filter((row) => typeof row.ratio === 'number')
  const alone = (row) => !races.some((race) => label(race) === label(row))
  const raced = rows.filter(
    (row) => races.includes(row) || (!chosen.includes(row) && row.rival === undefined && alone(row))
  )
  const lines = [`${machine.gpu}; ${machine.machine.trim()}.`]
  const line = (list) => lines.push(`| ${list.join(' | ')} |`)
  const heading = (names) => {
    lines.push('')
    line(names)
    line(names.map(() => '---'))
  }
  if (raced.length > 0) heading(['', 'gatecell, us', 'rival, us', 'ratio', 'bar', ''])
  for (const row of raced) {
    const bar = row.workload === 'train-char' ? TRAIN_BAR : 1
    if (row.rival === undefined) {
      line([label(row), digits(row.median_us), '-', '-', bar, 'not measured'])
      continue
    }
    const rival = `${digits(row.rival_us)} (${row.rival} ${row.version}, ${row.variant})`
    line([label(row), digits(row.median_us), rival, row.ratio.toFixed(2), bar, row.ratio >= bar ? 'met' : 'missed'])
  }
  if (chosen.length > 0) heading(['', 'auto chose', 'cpu, us', 'cuda, us', 'as chosen, us', 'right'])
  for (const row of chosen)
    line([label(row), row.chosen, ...[row.cpu_us, row.cuda_us, row.median_us].map(digits), row.right])
  return lines.join('\n')
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const paths = process.argv.slice(2)
  if (paths.length === 0) {
    console.error(
      'Expected files that native/cuda/test/bench.sh or gatecell bench --save has written, and received none.'
    )
    process.exit(2)
  }
  const grids = paths.filter((path) => path.endsWith('.jsonl'))
  if (grids.length > 0) console.log(tableOf(grids.map((path) => readFileSync(path, 'utf8')).join('\n')))
  for (const path of paths.filter((path) => !grids.includes(path)))
    console.log(`\n${machineTables(JSON.parse(readFileSync(path, 'utf8')))}`)
}
