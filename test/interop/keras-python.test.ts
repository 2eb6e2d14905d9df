// Keras itself: random models against ours, and the program of docs/interop.md that loads our export. Only where GATECELL_PYTHON has Keras.
import { execFile, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { importModel } from '../../src/interop/index.js'
import { rounds } from '../amounts.js'
import { inProcess } from '../cli/in-process.js'
import { blocksOf } from '../docstrings/examples.js'
import { largestDifference } from '../golden.js'
import { goldenPath } from './files.js'
import { kerasDifference, kerasModels } from './keras-models.js'

const python = process.env['GATECELL_PYTHON']
const has = python !== undefined && spawnSync(python, ['-c', 'import importlib.util as u; assert u.find_spec("keras")']).status === 0 // prettier-ignore
const options = { skip: !has && 'GATECELL_PYTHON has no Keras' }
const call = async (words: string[], cwd: string) =>
  (await promisify(execFile)(python!, words, { cwd, env: { ...process.env, KERAS_BACKEND: 'torch' } })).stdout

t.test('random models', options, async (t) => {
  const folder = t.testdir({})
  const make = fileURLToPath(new URL('../golden/make_keras.py', import.meta.url))
  const { GATECELL_KERAS_SEED: seed = '1' } = process.env
  await call([make, folder, seed, `${rounds(10, 25, 200)}`], folder)
  for (const [name, expected] of Object.entries(kerasModels(folder)))
    t.ok((await kerasDifference(t, `${folder}/${name}`, expected)) < 1e-5, name)
})

t.test('Keras loads a text model', options, async (t) => {
  const cwd = t.testdir({ 'symbols.json': '["a","b","c","d","e","f","g"]' })
  const run = async (line: string) => {
    const { code, stderr } = await inProcess(line.split(' '), undefined, cwd)
    t.equal(code, 0, stderr)
  }
  await run(`import ${goldenPath('checkpoint.pt')} --vocabulary symbols.json --out shakespeare.safetensors`)
  await run('export shakespeare.safetensors --to keras --out shakespeare.keras')
  const program = blocksOf('docs/interop.md', 'python').find(({ code }) => code.includes('load_model'))!.code
  writeFileSync(`${cwd}/more.py`, `${program}\nprint(model(numpy.array([[1, 2, 0, 6]])).flatten().tolist())\n`)
  const [shape, values] = (await call(['more.py'], cwd)).trim().split('\n')
  t.match(shape, /1, 1, 7/)
  using imported = await importModel(`${cwd}/shakespeare.keras`)
  const { head } = await imported.run({ tokens: { shape: [1, 4], data: Int32Array.of(1, 2, 0, 6) } })
  t.ok(largestDifference(head!.data, JSON.parse(values!) as number[]) < 1e-5)
})
