// The table of what was measured on a GPU, from made-up lines: boxes, bars, the faster of cuDNN's types, verdicts.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { root } from '../cli/command.js'

const shape = { H: 768, B: 16, T: 256, layers: 1, directions: 1, lengths: false }
const row = (library: string, times: [number | null, number | null], more: object = {}) =>
  JSON.stringify({
    library,
    precision: 'bf16',
    ...shape,
    ...more,
    forward_us: times[0],
    both_us: times[1]
  })

/** Returns the lines that the program prints for files with these contents. */
function table(files: Record<string, string>): string[] {
  const folder = t.testdir()
  const paths = Object.entries(files).map(([name, text]) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  })
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, 'bench', 'gpu-table.mjs'), ...paths], {
    encoding: 'utf8'
  })
  t.equal(status, 0, stderr)
  return stdout.trimEnd().split('\n')
}

const verdicts = (lines: string[]) =>
  lines
    .filter((line) => /^\| (bf16|tf32|f32) /.test(line))
    .map((line) => {
      const cells = line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim())
      return { box: cells[6], forward: cells[9], both: cells[12], bar: cells[13], verdict: cells[14] }
    })

t.test('each shape falls in its box, and the box has its bar', async (t) => {
  const shapes = [
    [{}, 'narrow', '1'],
    [{ B: 64 }, 'narrow', 'goal 1'],
    [{ B: 256 }, 'outside', 'goal 1'],
    [{ B: 1 }, 'outside', '3'],
    [{ layers: 2 }, 'outside', '3'],
    [{ directions: 2 }, 'outside', '3'],
    [{ H: 2048 }, 'outside', '3'],
    [{ H: 128, layers: 2, B: 1 }, 'narrow', 'goal 1'],
    [{ lengths: true }, 'lengths', '10'],
    [{ H: 128, lengths: true, B: 256 }, 'lengths', '10']
  ] as const
  const lines = shapes.map(([more]) => row('gatecell', [1, 2], more))
  const found = verdicts(table({ 'gpu-bf16.jsonl': lines.join('\n') }))
  t.same(
    found.map(({ box, bar }) => [box, bar]),
    shapes.map(([, box, bar]) => [box, bar])
  )
  t.ok(found.every(({ verdict }) => verdict === 'not measured'))
})

t.test('ratios are to the faster of the types that PyTorch was measured in', async (t) => {
  const lines = [
    '{"library":"gatecell","device":"A GPU, driver for CUDA 13.0"}',
    row('gatecell', [9, 9]), // measured again below
    row('gatecell', [1, 4]),
    row('torch', [1.96, 9], { precision: 'f16' }),
    row('torch', [3, 5.07]),
    row('torch', [0.5, 0.5], { precision: 'tf32' }),
    'skipped: nothing'
  ]
  const printed = table({ 'gpu-bf16.jsonl': lines.join('\n') })
  t.match(printed[0], /^gatecell: A GPU, driver for CUDA 13\.0\.$/)
  t.match(printed[1], /^Bars: 1 met, 0 missed; without a bar: 0 ahead, 0 behind, 0 not measured\.$/)
  t.same(verdicts(printed), [{ box: 'narrow', forward: '1.96', both: '1.27', bar: '1', verdict: 'met' }])
  t.ok(printed.some((line) => line.includes('1.96 (f16)') && line.includes('5.07 (bf16)')))
})

t.test('the slower way decides; without a bar a shape is ahead or behind; no time is no verdict', async (t) => {
  const outside = { layers: 2 }
  const goal = { B: 64 }
  const refused = { H: 2048 }
  const lines = [
    row('gatecell', [1, 1], outside),
    row('torch', [3.5, 2.9], outside),
    row('gatecell', [2, 2], goal),
    row('torch', [2.2, 1.9], goal),
    row('gatecell', [null, null], refused),
    row('torch', [3, 3], refused)
  ]
  t.same(
    verdicts(table({ 'gpu-bf16.jsonl': lines.join('\n') })).map(({ verdict }) => verdict),
    ['missed', 'behind', 'not measured']
  )
})

t.test('training steps and the choice of auto, from machine files', async (t) => {
  const base = { shape: { B: 64, T: 64, H: 512, layers: 2 }, threads: 1, precision: 'bf16', isa: 'cuda' }
  const rival = { rival: 'PyTorch', version: '2.11.0', variant: 'all in float16', rival_us: 3000 }
  const rows = [
    { ...base, workload: 'train-char', median_us: 1000 },
    { ...base, workload: 'train-char', median_us: 1000, ...rival, ratio: 3 },
    { ...base, workload: 'train-char', median_us: 2000, ...rival, ratio: 1.5 },
    {
      ...base,
      workload: 'sample',
      median_us: 11,
      chosen: 'cpu',
      why: 'measured',
      cpu_us: 10,
      cuda_us: 30,
      right: 'yes'
    }
  ]
  const printed = table({ 'gpu-train.json': JSON.stringify({ machine: { gpu: 'A GPU', machine: 'A CPU ' }, rows }) })
  t.match(printed.join('\n'), /A GPU; A CPU\./)
  t.match(
    printed.join('\n'),
    /train-char 2 x 512, B 64, T 64, bf16 \| 1000 \| 3000 \(PyTorch 2\.11\.0, all in float16\) \| 3\.00 \| 2 \| met/
  )
  t.match(printed.join('\n'), /\| 1\.50 \| 2 \| missed \|/)
  t.match(printed.join('\n'), /\| sample .* \| cpu \| 10\.0 \| 30\.0 \| 11\.0 \| yes \|/)
})
