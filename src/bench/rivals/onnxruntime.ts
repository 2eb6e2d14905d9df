// onnxruntime-node, in this process, as services in Node.js run models with it. It is installed into bench/rivals on demand, only with its CPU
// library; the package does not depend on it.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { VOCABULARY } from '../workloads/amounts.js'
import { asyncContestant } from '../turns.js'
import { lstmModel } from './onnx.js'
import type { MissingRival, ModelTask, Rival, Task, Variant } from './types.js'

/** Name of the rival. */
export const ONNX_RUNTIME = 'onnxruntime-node'
const INSTALL = 'ONNXRUNTIME_NODE_INSTALL=skip npm install --ignore-scripts --prefix bench/rivals'

interface OrtTensor {
  readonly data: Float32Array | Int32Array | BigInt64Array
}
type Feeds = Record<string, OrtTensor>

interface OrtSession {
  run(feeds: Feeds): Promise<Feeds>
  readonly inputMetadata: readonly { readonly name: string; readonly type?: string }[]
  release(): Promise<void>
}

interface Ort {
  Tensor: new (type: string, data: Float32Array | Int32Array | BigInt64Array, dims: readonly number[]) => OrtTensor
  InferenceSession: { create(model: Uint8Array | string, options: object): Promise<OrtSession> }
  env: { logLevel: string }
}

/** Finds onnxruntime-node. `folder` is bench/rivals of the repository. */
export async function findOnnxRuntime(folder: string): Promise<Rival | MissingRival> {
  const require = createRequire(join(folder, 'package.json'))
  let ort: Ort
  let version: string
  try {
    ort = require(ONNX_RUNTIME) as Ort
    version = (require(`${ONNX_RUNTIME}/package.json`) as { version: string }).version
  } catch (error) {
    const found = error instanceof Error ? error.message.split('\n')[0] : String(error)
    return { name: ONNX_RUNTIME, missing: `not installed (${found}); in a clone of the repository: ${INSTALL}` }
  }
  ort.env.logLevel = 'error'
  return {
    name: ONNX_RUNTIME,
    version,
    settings: 'in this process, sequential, all graph optimisations, spinning threads',
    open: (task) => openTask(ort, task),
    openModel: (task) => openModelFile(ort, task),
    close: async () => {}
  }
}

async function openTask(ort: Ort, task: Task): Promise<Variant[]> {
  const { mode, precision, sizes, threads } = task
  const inference = mode === 'step' || mode === 'sequence' || (mode === 'sample' && precision === 'f32')
  if (!inference || precision === 'bf16') return []
  const quantized = precision === 'int8'
  const character = mode === 'sample'
  const { layers, H: hidden } = sizes
  const model = lstmModel({ layers, hidden, character, quantized })
  const session = await ort.InferenceSession.create(model, sessionOptions(threads))
  const call = mode === 'sequence' ? sequence(ort, session, task) : stepper(ort, session, task)
  return [{ ...asyncContestant(call, () => session.release()), note: quantized ? 'DynamicQuantizeLSTM' : 'LSTM' }]
}

const sessionOptions = (threads: number) => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  extra: { session: { intra_op: { allow_spinning: '1' } } }
})

/** Opens a model from a file; states are carried from run to run. */
async function openModelFile(ort: Ort, { path, inputs, states, threads }: ModelTask): Promise<Variant> {
  const session = await ort.InferenceSession.create(path, sessionOptions(threads))
  const wide = new Set(session.inputMetadata.filter(({ type }) => type === 'int64').map(({ name }) => name))
  const feeds: Feeds = {}
  for (const [name, { shape, data }] of Object.entries(inputs)) {
    if (data instanceof Float32Array) feeds[name] = new ort.Tensor('float32', data, shape)
    else if (wide.has(name)) feeds[name] = new ort.Tensor('int64', BigInt64Array.from(data, BigInt), shape)
    else feeds[name] = new ort.Tensor('int32', data, shape)
  }
  const pairs = Object.entries(states)
  const call = async () => {
    const results = await session.run(feeds)
    for (const [input, output] of pairs) feeds[input] = results[output]!
  }
  return { ...asyncContestant(call, () => session.release()), note: 'from the same file' }
}

const zeros = (ort: Ort, B: number, H: number) => new ort.Tensor('float32', new Float32Array(B * H), [1, B, H])

function randomInput(ort: Ort, T: number, B: number, H: number): OrtTensor {
  const values = Float32Array.from({ length: T * B * H }, () => Math.random() * 2 - 1)
  return new ort.Tensor('float32', values, [T, B, H])
}

function sequence(ort: Ort, session: OrtSession, { sizes: { B, T, H } }: Task): () => Promise<unknown> {
  const feeds: Feeds = { X: randomInput(ort, T, B, H), h0_0: zeros(ort, B, H), c0_0: zeros(ort, B, H) }
  return () => session.run(feeds)
}

/** One step with the state carried; for 'sample' the token is drawn from the softmax of the logits, in JavaScript. */
function stepper(ort: Ort, session: OrtSession, { mode, sizes: { layers, H } }: Task): () => Promise<void> {
  const feeds: Feeds = {}
  const token = new BigInt64Array(1)
  if (mode === 'sample') feeds['tok'] = new ort.Tensor('int64', token, [1, 1])
  else feeds['X'] = randomInput(ort, 1, 1, H)
  for (let i = 0; i < layers; i++) {
    feeds[`h0_${i}`] = zeros(ort, 1, H)
    feeds[`c0_${i}`] = zeros(ort, 1, H)
  }
  return async () => {
    const out = await session.run(feeds)
    for (let i = 0; i < layers; i++) {
      feeds[`h0_${i}`] = out[`hN_${i}`]!
      feeds[`c0_${i}`] = out[`cN_${i}`]!
    }
    if (mode === 'sample') token[0] = BigInt(draw(out['logits']!.data as Float32Array))
  }
}

const weights = new Float64Array(VOCABULARY)

function draw(logits: Float32Array): number {
  let most = -Infinity
  for (let v = 0; v < VOCABULARY; v++) if (logits[v]! > most) most = logits[v]!
  let sum = 0
  for (let v = 0; v < VOCABULARY; v++) sum += weights[v] = Math.exp(logits[v]! - most)
  let rest = Math.random() * sum
  for (let v = 0; v < VOCABULARY; v++) {
    rest -= weights[v]!
    if (rest <= 0) return v
  }
  return VOCABULARY - 1
}
