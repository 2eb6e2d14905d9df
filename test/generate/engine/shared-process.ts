// A process, or a worker thread, with an engine: prints the tokens of a generation, its shared bytes and its private memory; a process ends with
// its standard input. Arguments: hidden units, precision, folder of shared weights ('' for none).
import { readFileSync } from 'node:fs'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import {
  createEngine,
  defineModel,
  embedding,
  i32,
  linear,
  lstm,
  type EngineOptions,
  type Precision
} from '../../../src/index.js'
import { sharedBytes } from '../../../src/graph/sharing.js'

/** A record that the program prints. */
export interface SharedReport {
  readonly tokens: number[]
  readonly sharedBytes: number
  /** Bytes of the weights, and those of the process that no other one shares; 0 where the system has no smaps_rollup. */
  readonly weights: number
  readonly privateBytes: number
}

/** Returns a model of one layer size whose weights need no time to make, and are different in each parameter. */
export function wideModel(hidden: number, precision: Precision = 'f32', training = false) {
  const definition = {
    name: 'wide',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    stream: { token: 'tokens' as const, logits: 'logits' as const },
    forward({ tokens }: { tokens: Parameters<typeof embedding>[0] }) {
      const x = embedding(tokens, { name: 'table', vocabulary: 64, size: hidden })
      const y = lstm(x, { name: 'lstm', hidden, layers: 2, carry: true }).output
      return { logits: linear(y, { name: 'head', size: 64 }) }
    }
  }
  const model = defineModel(definition, { training, precision, initialize: false })
  let state = 1
  for (const { data } of model.parameters)
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      data[i] = (state / 2 ** 31) * 0.1
    }
  model.parameters.touch()
  return model
}

/** Returns the tokens of a generation with a prompt of several slices. */
export async function generated(model: ReturnType<typeof wideModel>, options: EngineOptions): Promise<number[]> {
  const engine = createEngine(model, options)
  const prompt = Int32Array.from({ length: 70 }, (_, i) => i % 64)
  const { tokens } = await engine.generate(prompt, { maxTokens: 20, seed: 3 }).result()
  engine.dispose()
  return [...tokens]
}

function privateBytes(): number {
  const path = '/proc/self/smaps_rollup'
  const text = readFileSync(path, 'utf8')
  const kilobytes = [...text.matchAll(/^Private_(?:Clean|Dirty): +(\d+)/gm)].map(([, value]) => Number(value))
  return kilobytes.reduce((sum, value) => sum + value * 1024, 0)
}

async function report([hidden, precision, folder]: readonly string[]): Promise<SharedReport> {
  const model = wideModel(Number(hidden), precision as Precision)
  const tokens = await generated(model, folder ? { sharedWeights: folder } : {})
  const { gc } = globalThis as { gc?: () => void }
  gc?.()
  const { parameters } = model
  return { tokens, sharedBytes: sharedBytes(parameters), weights: parameters.bytes, privateBytes: privateBytes() }
}

if (!isMainThread && parentPort) parentPort.postMessage(await report(workerData as string[]))
else if (process.argv[1] === import.meta.filename) {
  process.stdout.write(`${JSON.stringify(await report(process.argv.slice(2)))}\n`)
  process.stdin.resume()
}
