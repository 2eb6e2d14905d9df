// Runs of an imported model on whole sequences. The caller's thread is never taken for long: arrays are copied in pieces, and runs are made on the
// engine's thread unless they are short.

import { setImmediate } from 'node:timers/promises'
import { operationsOf } from '../graph/parameters.js'
import type { Model } from '../model.js'
import { boundSizes, type OnnxArray, type OnnxPorts } from './onnx/ports.js'

type Arrays = Readonly<Record<string, OnnxArray>>
type View = Float32Array | Int32Array
interface RunPlan {
  readonly inputs: Readonly<Record<string, View>>
  readonly outputs: Readonly<Record<string, Float32Array>>
  run(): Promise<unknown>
  runSync(): void
}

/** Elements of a piece, 1 MiB: some 0.3 ms. */
const PIECE = 2 ** 18
const MOST_SHAPES = 256
/** Runs that take less are made on the caller's thread: handing them over and being woken take some 0.1 ms. */
const SHORT_MS = 2

/** A run with inputs of some sizes: the shapes of its outputs, and the time of the last one. */
interface KnownRun {
  readonly outputs: Readonly<Record<string, readonly number[]>>
  milliseconds: number
}

/** Copies an array; the event loop turns between the pieces. */
async function copyInto(to: View, from: View): Promise<void> {
  for (let at = 0; at < from.length; at += PIECE) {
    if (at > 0) await setImmediate()
    to.set(from.subarray(at, at + PIECE), at)
  }
}

/** Runs of whole sequences; the shapes of outputs are kept by the sizes of the inputs. */
export class GraphRunner {
  readonly #ports: OnnxPorts
  readonly #model: Model
  readonly #shapes = new Map<string, KnownRun>()

  constructor(ports: OnnxPorts, model: Model) {
    this.#ports = ports
    this.#model = model
  }

  async run(arrays: Arrays): Promise<Record<string, OnnxArray>> {
    const { inputs, outputs } = this.#ports
    const dims = boundSizes(inputs, arrays)
    using lease = this.#model.lease(dims, { purpose: 'predict' })
    const plan = lease.plan as RunPlan
    for (const { name, key } of inputs) await copyInto(plan.inputs[key]!, arrays[name]!.data)
    const shapes = this.#shapesOf(dims)
    const begin = performance.now()
    // The caller's thread may not wait for a training step.
    const { exclusive } = operationsOf(this.#model.parameters)
    if (shapes.milliseconds < SHORT_MS && !exclusive) plan.runSync()
    else await plan.run()
    shapes.milliseconds = performance.now() - begin
    const results: Record<string, OnnxArray> = {}
    for (const { name, key } of outputs) {
      const data = new Float32Array(plan.outputs[key]!.length)
      await copyInto(data, plan.outputs[key]!)
      results[name] = { shape: [...shapes.outputs[key]!], data }
    }
    return results
  }

  #shapesOf(dims: Record<string, number>): KnownRun {
    const key = Object.values(dims).join()
    const known = this.#shapes.get(key)
    if (known) return known
    const recorded = this.#model.record(dims, 'predict').outputs
    const outputs = Object.fromEntries(Object.entries(recorded).map(([name, { shape }]) => [name, shape]))
    if (this.#shapes.size >= MOST_SHAPES) this.#shapes.clear()
    const run = { outputs, milliseconds: Infinity }
    this.#shapes.set(key, run)
    return run
  }
}
