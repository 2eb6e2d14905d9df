// Valid arguments for every function of the addon, in the form that src/graph passes. They are made again for each call.
import { createArena } from '../../src/graph/arena.js'
import { ROW_WORDS, ROWS_HEAD } from '../../src/graph/row-words.js'
import { lower } from '../../src/graph/compile.js'
import { createControl } from '../../src/graph/control.js'
import { handleOf } from '../../src/graph/parameters.js'
import { native, type NativeAddon, type PlanHandle, type StoreHandle } from '../../src/native.js'
import { ops, type Graph, type Tensor } from '../../src/index.js'
import { tinyModel } from './worlds.js'

export interface AddonRecipe {
  args(): unknown[]
  /** True if a valid call may throw a typed error, for example without a device. */
  readonly mayThrow?: boolean
  /** Index of the element of tables that is not changed, because it is the number of seconds of a measurement. */
  readonly stays?: number
}

const addon = native()
const floats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length))

/** Doubles that begin at a multiple of 64 bytes. */
function aligned(length: number): Float64Array {
  const buffer = new SharedArrayBuffer(8 * length + 64)
  const skip = (64 - addon.alignment(new Uint8Array(buffer))) % 64
  return new Float64Array(buffer, skip, length)
}

const parameters = () => Float64Array.of(0, 2, 2, 2)
const store = (): StoreHandle => addon.storeCreate(parameters(), floats(16), floats(16), floats(16), floats(16))

const model = tinyModel()

function description(graph: Graph, loss: Tensor | null) {
  const observed = loss ? [...graph.outputs.values()] : []
  const { tensors, ops: table, attributes, carry, gradients, hostElements, idOf } = lower(graph, loss, observed)
  return {
    store: handleOf(model.parameters),
    tensors,
    ops: table,
    attributes,
    carry,
    gradients,
    onlyGradients: 0,
    loss: loss ? idOf(loss) : -1,
    optimizer: 0,
    host: createArena(hostElements),
    control: createControl(null).values,
    threads: 1,
    precision: 0,
    device: 0
  }
}

function described() {
  const { graph, loss } = model.record({ length: 4, batch: 2 }, 'train')
  return description(graph, loss)
}

const plan = (): PlanHandle => addon.planCreate(described())

/** The first arguments of planGenerate. */
function draws(): [PlanHandle, Int32Array, number] {
  const { graph, inputs, outputs } = model.record({ length: 1, batch: 1 }, 'predict')
  const sampled = ops.sample(outputs['logits'], graph.input('control', [4], 'f32'), 7)
  graph.output('sampled', sampled)
  const { idOf } = lower(graph, null)
  const ids = [idOf(sampled), idOf(inputs['tokens']), idOf(sampled)]
  return [addon.planCreate(description(graph, null)), Int32Array.of(-1, -1, -1, 1, 1, ...ids), 3]
}

/** The table of one row that counts results. */
function rowTable(): Int32Array {
  const table = new Int32Array(new SharedArrayBuffer(4 * (ROWS_HEAD + ROW_WORDS)))
  table.set([0, 0, 1, 1, -1, -1])
  table[ROWS_HEAD] = 2
  return table
}

const rows = () => [aligned(4 * 4 * 4), 4, 4, 0, 4]

const letters = () => new Uint8Array(new SharedArrayBuffer(8)).fill(97)
const bytes = () => Int32Array.from({ length: 256 }, (_, byte) => byte)
const bpeEncoder = () => addon.bpeEncoderCreate(Int32Array.of(97, 97, 256), bytes())

/** By the name of the function. */
export const addonRecipes: Readonly<Record<Exclude<keyof NativeAddon, 'version'>, AddonRecipe>> = {
  machineInfo: { args: () => [] },
  setThreads: { args: () => [0] },
  alignment: { args: () => [new Uint8Array(8)] },
  storeCreate: { args: () => [parameters(), floats(16), floats(16), floats(16), floats(16)] },
  storeAddArena: { args: () => [store(), 4, floats(16)] },
  storeSetGroups: { args: () => [store(), Int32Array.of(0), Float64Array.of(0, 0, 1, 0, 0, 0)] },
  storeTouch: { args: () => [store()] },
  storeFetch: { args: () => [store()] },
  storeCopy: { args: () => [store(), 0, floats(16)] },
  storeShare: { args: () => [addon.storeCreate(parameters(), floats(16), null, null, null), null] },
  storeSharedBytes: { args: () => [store()] },
  storeDispose: { args: () => [store()] },
  planCreate: { args: () => [described()] },
  planRun: { args: () => [plan(), 0] },
  planRunAside: { args: () => [plan()] },
  planRunSync: { args: () => [plan(), 0] },
  planGenerate: { args: () => [...draws(), new Int32Array(3)] },
  planGenerateAsync: { args: () => [...draws(), new Int32Array(new SharedArrayBuffer(16))] },
  planGenerateRows: { args: () => [...draws(), new Int32Array(3), rowTable()] },
  planGenerateRowsAsync: { args: () => [...draws(), new Int32Array(new SharedArrayBuffer(16)), rowTable()] },
  planFetchStates: { args: () => [plan()] },
  planExplain: { args: () => [plan()] },
  planBytes: { args: () => [plan()] },
  planDispose: { args: () => [plan()] },
  measure: { args: () => [Float64Array.of(1, 0, 0, 1, 4096, 4, 4, 4, 1e-4), new Float64Array(4)], stays: 8 },
  cudaInfo: { args: () => [] },
  cudaMeasure: { args: () => [0], mayThrow: true },
  cudaLibrary: { args: () => ['no-library.so'], mayThrow: true },
  orthonormalize: { args: rows },
  orthonormalizeAsync: { args: rows },
  bpeTrainerCreate: { args: () => [2 ** 20] },
  bpeTrainerAdd: { args: () => [addon.bpeTrainerCreate(2 ** 20), letters(), 8, 1] },
  bpeTrainerStep: { args: () => [addon.bpeTrainerCreate(2 ** 20), 300, 2, new Int32Array(new SharedArrayBuffer(8))] },
  bpeTrainerMerges: { args: () => [addon.bpeTrainerCreate(2 ** 20), new Int32Array(0)] },
  bpeTrainerDispose: { args: () => [addon.bpeTrainerCreate(2 ** 20)] },
  bpeEncoderCreate: { args: () => [Int32Array.of(97, 98, 256), bytes()] },
  bpeEncoderFork: { args: () => [bpeEncoder()] },
  bpeEncoderRoom: { args: () => [bpeEncoder(), 8] },
  bpeEncodeDropped: { args: () => [bpeEncoder(), letters(), Float64Array.of(0.1, 1, 0, 0), new Int32Array(8)] },
  bpeEncode: { args: () => [bpeEncoder(), letters(), 1, new Int32Array(8)] },
  storeSkipShard: { args: () => [store(), 0] },
  storeTakeShards: { args: () => [store(), 1], mayThrow: true },
  storeHash: { args: () => [store()] },
  mpiOpen: { args: () => ['no-library.so'], mayThrow: true },
  ranksJoin: { args: () => ['no-library.so', 1, 2, new Int32Array(new SharedArrayBuffer(8))], mayThrow: true },
  ranksGather: { args: () => [letters(), 1] },
  ranksReduce: { args: () => [store(), 1], mayThrow: true },
  ranksAlive: { args: () => [] },
  ranksFail: { args: () => ['a sentence', new Int32Array(new SharedArrayBuffer(4))] },
  ranksLeave: { args: () => [] },
  onThreadRefusal: { args: () => [() => {}] },
  nothing: { args: () => [] }
}
