// One packed copy of the weights: for the engines of a process and its worker threads, and by files for processes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { sharedBytes } from '../../../src/graph/sharing.js'
import { createEngine } from '../../../src/index.js'
import { loadTextModel } from '../../../src/tasks/text/index.js'
import { compiledProgram, plainEnvironment } from '../../compiled.js'
import { send, startServer } from '../../serve/world.js'
import { models, save } from '../../tasks/small-models.js'
import { generated, wideModel, type SharedReport } from './shared-process.js'

const program = compiledProgram('test/generate/engine/shared-process')
const MEGABYTE = 1e6

/** Starts a process with an engine, and returns its report once its generation has ended; `end` ends the process. */
async function start(hidden: number, precision: string, folder: string) {
  const words = ['--expose-gc', program, `${hidden}`, precision, folder]
  const child = spawn(process.execPath, words, { env: plainEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const end = async () => {
    child.stdin.end()
    await once(child, 'exit')
  }
  return { report: JSON.parse(line) as SharedReport, end }
}

t.test('engines of a process and of its workers share the packs of equal weights', async (t) => {
  const [first, second] = [wideModel(40), wideModel(40)]
  const tokens = await generated(first, {})
  t.same(await generated(second, {}), tokens)
  t.ok(sharedBytes(first.parameters) > 0)
  t.equal(sharedBytes(second.parameters), sharedBytes(first.parameters))
  const worker = new Worker(program, { workerData: ['40', 'f32', ''], env: plainEnvironment(), execArgv: [] })
  const [report] = (await once(worker, 'message')) as [SharedReport]
  await worker.terminate()
  t.same(report.tokens, tokens)
  t.equal(report.sharedBytes, sharedBytes(first.parameters))

  // A change of one model does not reach the other.
  const { parameters } = second
  parameters.set(
    'head.weight',
    parameters.get('head.weight').data.map((x) => -9 * x)
  )
  t.notSame(await generated(second, {}), tokens)
  t.same(await generated(first, {}), tokens)
})

t.test('models that train have packs of their own', async (t) => {
  const model = wideModel(16, 'f32', true)
  await generated(model, {})
  t.equal(sharedBytes(model.parameters), 0)
  t.throws(() => createEngine(model, { sharedWeights: t.testdir() }), { code: 'ERR_UNSUPPORTED' })
})

t.test('a folder of shared weights is checked', async (t) => {
  const folder = t.testdir({ file: '' })
  const model = wideModel(16)
  chmodSync(folder, 0o777)
  t.throws(() => createEngine(model, { sharedWeights: folder }), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => createEngine(model, { sharedWeights: join(folder, 'file', 'below') }), { code: 'ERR_FILE_WRITE' })
  t.throws(() => createEngine(model, { sharedWeights: '' }), { code: 'ERR_INVALID_ARGUMENT' })
  const made = join(folder, 'a', 'b')
  await generated(model, { sharedWeights: made })
  t.equal(statSync(made).mode & 0o777, 0o700)
  t.ok(readdirSync(made).length > 0)
})

t.test('a file of other contents is replaced, not used', async (t) => {
  const folder = join(t.testdir(), 'shared')
  const tokens = await generated(wideModel(40), { sharedWeights: folder })
  const files = readdirSync(folder).map((name) => join(folder, name))
  const before = files.map((file) => readFileSync(file))
  for (const [i, file] of files.entries())
    writeFileSync(
      file,
      before[i]!.map((byte, at) => (at < 4096 ? byte : byte ^ 3))
    )
  t.same(await generated(wideModel(40), { sharedWeights: folder }), tokens)
  t.same(
    readdirSync(folder).map((name) => join(folder, name)),
    files
  )
  for (const [i, file] of files.entries()) t.ok(readFileSync(file).equals(before[i]!))
})

t.test('a server shares the weights of its files, not those of a model that trains', async (t) => {
  const folder = t.testdir()
  const [path, shared] = [join(folder, 'm.safetensors'), join(folder, 'shared')]
  await save(models['text']!(8), path)
  await using server = await startServer({ models: [path], sharedWeights: shared })
  const { status, json } = await send(server, '/v1/completions', { max_tokens: 4, seed: 1 })
  t.equal(status, 200)
  t.ok(readdirSync(shared).length > 0)
  using loaded = await loadTextModel(path)
  const { vocabulary } = loaded
  const trains = { id: 'trains', model: wideModel(16, 'f32', true), vocabulary }
  await using other = await startServer({ models: [path, trains], sharedWeights: shared })
  const again = await send(other, '/v1/completions', { model: 'm', max_tokens: 4, seed: 1 })
  t.same(again.json.choices, json.choices)
})

const skip = !existsSync('/proc/self/smaps_rollup') && 'no /proc/self/smaps_rollup on this system'

t.test('a second process has less than 10 MB of its own', { skip }, async (t) => {
  const folder = join(t.testdir(), 'shared')
  // Without a model, and with a small one, an engine has the same private memory but for some kilobytes.
  const none = await start(1, 'f32', '')
  await none.end()
  for (const precision of ['f32', 'bf16', 'int8'] as const) {
    const first = await start(512, precision, folder)
    const second = await start(512, precision, folder)
    const other = second.report.privateBytes - none.report.privateBytes
    t.comment(`${precision}: ${(other / MEGABYTE).toFixed(1)} MB above an engine without a model`)
    t.ok(second.report.weights > 16 * MEGABYTE)
    t.ok(other < 10 * MEGABYTE, `${precision}: ${other} bytes`)
    t.same(second.report.tokens, first.report.tokens)
    t.equal(second.report.sharedBytes, first.report.sharedBytes)
    await Promise.all([first.end(), second.end()])
  }
})
