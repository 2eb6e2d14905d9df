// The programs of examples/ run with few training steps, and their page has their lines.
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { transpiled } from './loader/transpile.mjs'
import { runPrograms } from './programs.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const run = promisify(execFile)
const cwd = join(t.testdirName, 'examples')
t.testdir()
mkdirSync(cwd, { recursive: true })

/** The output of each example by its name. The figures of networks that have learned nothing are any numbers. */
const printed: Readonly<Record<string, RegExp>> = {
  'classify-sequences': /^right: \d+\.\d %\n$/,
  'custom-loss': /^-?\d+\.\d{3} nats a value\n$/,
  'forecast-series': /^root mean square error: \d\.\d{3}; as a day before: \d\.\d{3}\n$/,
  'generate-text': /^0\.3: january [a-z ]{70}\n1\.5: january [a-z ]{70}\n$/,
  'read-pen': /wrongly: \d+\.\d %\n(after a stroke: ".*"\n)+written: "[a-z]+", read: ".*"\n$/,
  'serve-while-training': /^20 clients, the first: the [a-z. ]{200}\nthe other model: 4 steps, loss \d\.\d{3}\n$/,
  'tag-sequences': /^right: \d+\.\d %\n$/,
  'write-handwriting': /nats a point; .*\ngatecell\.svg: \d+ strokes, (finished|cut off)\n$/
}

t.test('every example is a program that runs and is short', async (t) => {
  // Those of the folder serving have tests of their own.
  const files = readdirSync(join(root, 'examples')).filter((file) => file.endsWith('.ts'))
  const names = files.map((file) => file.replace('.ts', ''))
  t.strictSame(names.sort(), Object.keys(printed).sort())
  const [first] = names
  const { stdout } = await run(process.execPath, [join(root, 'scripts', 'example.mjs'), first!, '2'], { cwd })
  t.match(stdout, printed[first!], `npm run example ${first}`)
  const programs = names.map((name) => join(cwd, `${name}.mjs`))
  names.forEach((name, i) => writeFileSync(programs[i]!, transpiled(join(root, 'examples', `${name}.ts`))))
  const outputs = await runPrograms(programs, cwd, ['2'])
  for (const [i, name] of names.entries()) {
    t.match(outputs[i], printed[name], name)
    const lines = readFileSync(join(root, 'examples', `${name}.ts`), 'utf8').split('\n').length
    t.ok(lines <= 60, `${name} has ${lines} lines`)
  }
  t.match(readFileSync(join(cwd, 'gatecell.svg'), 'utf8'), /^<svg/)
})

t.test('the page of examples has their lines, and none needs more than PyTorch', async (t) => {
  const { stdout } = await run(process.execPath, [join(root, 'bench', 'example-lines.mjs')])
  t.equal(
    readFileSync(join(root, 'docs', 'examples.md'), 'utf8'),
    stdout,
    'node bench/example-lines.mjs > docs/examples.md'
  )
  const counts = [...stdout.matchAll(/\| (\d+) \| \[(\d+)\]/g)]
  t.equal(counts.length, Object.keys(printed).length)
  for (const [row, ours, theirs] of counts) t.ok(Number(ours) <= Number(theirs), row)
})
