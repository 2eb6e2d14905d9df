// An imported model from a file: whole sequences and one step at a time, at batch 1, through the public functions, turn by turn with the rivals that
// read the file.

import { machineInfo } from '../../machine.js'
import { importModel, type ImportedModel } from '../../interop/import-model.js'
import type { OnnxArray, OnnxPort } from '../../interop/onnx/ports.js'
import type { Rival, Variant } from '../rivals/types.js'
import { GatecellError } from '../../errors.js'
import { asyncContestant, syncContestant, takeTurns, type Contestant } from '../turns.js'
import type { BenchOptions, BenchRow, Workload } from '../workload.js'

type Arrays = Record<string, OnnxArray>

/** Returns the workload of the model in a file; `length`: steps of a sequence. */
export function importedWorkload(path: string, length: number): Workload {
  return { name: 'imported', summary: path, run: (options) => measure(path, length, options) }
}

async function* measure(path: string, length: number, options: BenchOptions): AsyncGenerator<BenchRow> {
  const threads = options.threads || 1
  using imported = await importModel(path, { threads })
  const way = { imported, path, threads, options }
  const sequence = inputsOf(imported, length)
  yield* rowsOf(
    way,
    { call: 'sequence', T: length, inputs: sequence, states: {} },
    () =>
    asyncContestant(() => imported.run(sequence), () => {}) // prettier-ignore
  )
  const one = inputsOf(imported, 1)
  let step: () => Contestant
  try {
    const session = imported.session()
    const inputs = Object.fromEntries(imported.inputs.filter(({ name }) => !Object.hasOwn(imported.states, name)).map(({ name, key }) => [key, one[name]!.data])) // prettier-ignore
    step = () => syncContestant(() => session.stepSync(inputs), () => session.dispose()) // prettier-ignore
  } catch (error) {
    if (error instanceof GatecellError && error.code === 'ERR_UNSUPPORTED') return // its layers have no steps
    throw error
  }
  yield* rowsOf(way, { call: 'step', T: 1, inputs: one, states: imported.states }, step)
}

interface Way {
  readonly imported: ImportedModel
  readonly path: string
  readonly threads: number
  readonly options: BenchOptions
}

interface Call {
  readonly call: 'sequence' | 'step'
  readonly T: number
  readonly inputs: Arrays
  readonly states: Readonly<Record<string, string>>
}

async function* rowsOf(
  { imported, path, threads, options }: Way,
  { call, T, inputs, states }: Call,
  own: () => Contestant
): AsyncGenerator<BenchRow> {
  // prettier-ignore
  const { layers, H } = sizesOf(imported)
  const base = { workload: 'imported', shape: { layers, H, B: 1, T }, threads, precision: 'f32', isa: machineInfo().isaUsed, call } // prettier-ignore
  const open: Contestant[] = [own()]
  try {
    const rivals: { rival: Rival; variant: Variant }[] = []
    for (const rival of options.rivals) {
      // A layer that begins with zeros in each run has no steps in another program.
      if (!rival.openModel || (call === 'step' && Object.keys(states).length === 0)) continue
      try {
        const variant = await rival.openModel({ path, inputs, states, threads })
        rivals.push({ rival, variant })
        open.push(variant)
      } catch (error) {
        yield { ...base, rival: rival.name, version: rival.version, problem: (error as Error).message }
      }
    }
    const { timings } = await takeTurns(open, { seconds: options.seconds })
    const [mine, ...others] = timings
    if (mine instanceof Error || !mine) throw mine ?? new Error('a contestant without a timing')
    const { median, p10, p90, p99, samples } = mine
    yield { ...base, median_us: median, p10_us: p10, p90_us: p90, p99_us: p99, samples }
    for (const [i, { rival, variant }] of rivals.entries()) {
      const timing = others[i]!
      const named = { ...base, median_us: median, rival: rival.name, version: rival.version, variant: variant.note }
      if (timing instanceof Error) yield { ...named, problem: timing.message }
      else yield { ...named, rival_us: timing.median, rival_p10_us: timing.p10, rival_p90_us: timing.p90, rival_p99_us: timing.p99, rival_samples: timing.samples, ratio: timing.median / median } // prettier-ignore
    }
  } finally {
    await Promise.allSettled(open.map(async (contestant) => contestant.close()))
  }
}

/** Returns inputs of `length` steps of one sequence: random floats, the first id, and for numbers of steps all of them. */
function inputsOf({ inputs, sizes }: ImportedModel, length: number): Arrays {
  const valueOf = ({ dtype, shape: given }: OnnxPort): OnnxArray => {
    const shape = given.map((size) => (typeof size === 'number' ? size : sizes[size] === 'length' ? length : 1))
    const count = shape.reduce((all, size) => all * size, 1)
    if (dtype === 'f32') return { shape, data: Float32Array.from({ length: count }, () => Math.random() - 0.5) }
    return { shape, data: new Int32Array(count).fill(shape.length === 1 ? length : 0) }
  }
  return Object.fromEntries(inputs.map((port) => [port.name, valueOf(port)]))
}

/** Returns the number of the recurrent layers and the units of the largest. */
function sizesOf({ model }: ImportedModel): { layers: number; H: number } {
  const shapes = model.parameters.list().filter(({ name }) => /\.weight_hh_l0$/.test(name)).map(({ shape }) => shape) // prettier-ignore
  return { layers: shapes.length, H: Math.max(0, ...shapes.map(([, hidden = 0]) => hidden)) }
}
