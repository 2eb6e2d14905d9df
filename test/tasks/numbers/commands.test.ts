// The commands of the task: a tiny training to a checked figure, and the uses of its model.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inProcess } from '../../cli/in-process.js'

const tiny = join(t.testdir(), 'tiny.safetensors')
const run = async (line: string) => await inProcess(line.split(' '))

t.test('a tiny training', async (t) => {
  const train = `train numbers --out ${tiny} --hidden 16 --batch 16 --valid-every 30 --threads 1 --device cpu --json`
  const { records } = await run(`${train} --steps 60`)
  const [start, end] = [records[0], records.at(-1)!]
  t.match(start, { task: 'numbers', steps_per_epoch: 1000, network: { hidden: 16, embedding: 8, sums: 4 } })
  t.equal((end['train_loss'] as number).toFixed(4), '2.0452')
  t.match(end, { valid_exact: Number, valid_exact_larger: Number, valid_sequences: 1000, best_step: 60 })

  // In two parts, with the same bits.
  const parts = join(t.testdir(), 'parts.safetensors')
  const resumed = `${train.replace(tiny, parts)} --schedule constant --warmup 2`
  const whole = await run(`${resumed} --steps 90 --force`)
  await run(`${resumed} --steps 37 --force`)
  const rest = await run(`${resumed} --steps 90 --resume`)
  t.equal(rest.records.at(-1)!['valid_exact'], whole.records.at(-1)!['valid_exact'])
  t.equal(rest.records.at(-1)!['train_loss'], whole.records.at(-1)!['train_loss'])
})

t.test('a sequence that is continued', async (t) => {
  const { stdout } = await run(`continue ${tiny} --count 2 --choices 2 -- -2, 4 8`)
  t.match(stdout, /^-2, 4, 8, -?\d+, -?\d+\n\n(next +\d+\.\d\d % {2}-?\d+\n){2}then +\d+\.\d\d % {2}-?\d+\n\n/)
  t.match(stdout, /^rule +\d+\.\d\d % {2}[a-z]+: /m)
  const [found] = (await run(`continue ${tiny} --json -- -2 4 ${'9'.repeat(500)}`)).records
  t.match(found, { event: 'continue', terms: ['-2', '4', '9'.repeat(500)], next: [{}, {}, {}], then: [{}, {}, {}] })
  const chances = Object.values(found!['families'] as Record<string, number>)
  t.equal(chances.length, 7)
})

t.test('an evaluation', async (t) => {
  const { records } = await run(`evaluate ${tiny} --json`)
  const [measured] = records as Record<string, number>[]
  t.match(measured, { event: 'evaluate', task: 'numbers', part: 'test', sequences: 1000 })
  for (const name of ['exact', 'exact_larger', 'worst_family', 'exact_cubic_larger', 'family_named'])
    t.ok(measured![name]! >= 0 && measured![name]! <= 1, name)
  const { stdout } = await run(`evaluate ${tiny} --part valid`)
  t.match(
    stdout,
    /of 1,000 unseen sequences \(valid\).*\n\n +as trained {2}3-10 x larger\narithmetic +\d+\.\d\d % +\d+\.\d\d %\n/
  )
})

t.test('a trace', async (t) => {
  const svg = join(t.testdir(), 'cells.svg')
  const { code, stdout, stderr } = await run(`trace ${tiny} 6 7 8 / 2 4 8 --cells 3 --svg ${svg}`)
  t.equal(code, 0, stderr)
  t.match(stdout, /^6, 7, 8 -> -?\d+ \(\d+\.\d\d %, [a-z]+\)\n2, 4, 8 -> -?\d+ \(\d+\.\d\d %, [a-z]+\)\n/)
  t.equal(stdout.match(/^ {2}cell +\d+ +-?\d\.\d\d +-?\d\.\d\d$/gm)!.length, 3)
  t.match(readFileSync(svg, 'utf8'), /^<svg [^]*cell \d+[^]*<\/svg>\s*$/)
  const [record] = (await run(`trace ${tiny} 6 7 8/2 4 8/1 1 2 3 --json --cells 2`)).records
  t.match(record, {
    sequences: [{ terms: ['6', '7', '8'] }, {}, { next: String, probability: Number }],
    cells: [{ unit: Number }, { unit: Number }]
  })
})

t.test('bad input gets one sentence', async (t) => {
  const cases: readonly (readonly [line: string, code: number, message: RegExp])[] = [
    [`continue ${tiny} 6`, 1, /Expected at least two terms but received 1/],
    [`continue ${tiny}`, 2, /missing required argument 'terms'/],
    [`continue ${tiny} 6 seven`, 1, /Expected integers such as 6 or -3 as terms but received "seven"/],
    [`continue ${tiny} 6 ${'9'.repeat(501)}`, 1, /Expected terms of at most 500 digits but received one of 501/],
    [`continue ${tiny} 6 7 --count 0`, 2, /Expected an integer from 1 to 100 for --count but received "0"/],
    [`continue ${tiny} 6 -x`, 2, /Expected an option of continue but received -x/],
    [`evaluate ${tiny} data.txt`, 2, /Expected nothing after the model but received 1 word/],
    [`trace ${tiny} 6 7 8`, 1, /Expected at least two sequences to compare but received 1/],
    [`trace ${tiny} 6 7 8 / 2`, 1, /Expected at least two terms but received 1/],
    [`sample ${tiny}`, 1, /Expected a "?text"? model but received/],
    ['train numbers story.txt --out n.safetensors', 2, /too many arguments/],
    ['train numbers', 2, /--out/]
  ]
  for (const [line, code, message] of cases) {
    const found = await run(line)
    t.equal(found.code, code, line.slice(0, 80))
    t.match(found.stderr, message)
    t.equal(found.stderr.trim().split('\n').length, 1)
  }
  t.notOk(existsSync('n.safetensors'))
})
