// A plan: a graph compiled for one shape. A caller writes the views of its inputs, runs it with one native call, which allocates nothing,
// and reads the views of its outputs. Every mistake that a caller can make ends in a typed error and not in the core.

import { optional, options as optionsOf, signal as signalOf } from '../check/index.js'
import { expected, show } from '../errors.js'
import { native, type PlanHandle } from '../native.js'
import { throwIfAborted } from './abort.js'
import { createArena, viewOf } from './arena.js'
import { lower, type Tables } from './compile.js'
import { createControl } from './control.js'
import type { Graph } from './graph.js'
import { createLoop } from './loop.js'
import { callNative, nativeError } from '../native-call.js'
import { NativePlan } from './native-plan.js'
import { devices, modes, optimizers, precisions, type Mode } from './opcodes.js'
import { handleOf } from './parameters.js'
import type { GeneratingPlan, LoopOptions, PlanOptions, RunOptions } from './plan-types.js'
import { fetched, gradientViews, shapesOf, viewsOf } from './plan-views.js'

export type * from './plan-types.js'

const readRunOptions = optionsOf<RunOptions>({ signal: optional(signalOf) })

/**
 * Compiles `graph`. Throws ERR_UNSUPPORTED if a loss is given for parameters without gradients or if the device lacks an op,
 * ERR_OUT_OF_MEMORY, and the errors of the core for a graph that is not valid.
 */
export function createPlan(graph: Graph, options: PlanOptions): GeneratingPlan {
  const { parameters, loss = null, optimizer = null, device = 'cpu', residency, onResidency = () => {} } = options
  const { gradients = {}, parameterGradients = true } = options
  if (loss) graph.own(loss, 'the loss')
  checkGradients(graph, options)
  if (optimizer === 'amsgrad') parameters.addArena('moment3')
  const tables = lower(graph, loss, Object.values(gradients))
  const host = createArena(tables.hostElements)
  for (const [tensor, values] of graph.constants) {
    const slot = tables.slotOf(tensor)
    if (slot >= 0) viewOf(host, slot, tensor.shape, 'f32').set(values)
  }
  const control = createControl(optimizer)
  const create = () => compiled(tables, options, host, control.values)
  const sharesBlock = device === 'cpu'
  const plan = new NativePlan({
    parameters,
    readsOnly: !parameterGradients,
    create,
    hostBytes: host.byteLength,
    sharesBlock,
    residency,
    onResidency
  })
  const views = viewsOf(graph.states, tables, host) as Record<string, Float32Array>
  const states = device === 'cpu' ? views : fetched(views, () => plan.fetchStates())
  const dispose = () => plan.dispose()
  return {
    inputs: viewsOf(graph.inputs, tables, host),
    outputs: viewsOf(graph.outputs, tables, host),
    states,
    gradients: gradientViews(gradients, tables, host),
    control,
    shapes: { inputs: shapesOf(graph.inputs), outputs: shapesOf(graph.outputs), states: shapesOf(graph.states) },
    ...runsOf(plan),
    loop: (loopOptions: LoopOptions) => createLoop(loopOptions, graph, tables, plan),
    resetStates() {
      plan.checkIdle()
      for (const state of Object.values(states)) state.fill(0)
    },
    explain: () => plan.explain(),
    get lateness() {
      return plan.lateness
    },
    get bytes() {
      return plan.bytes + host.byteLength
    },
    get disposed() {
      return plan.disposed || parameters.disposed
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}

/** Throws ERR_UNSUPPORTED or ERR_INVALID_ARGUMENT unless the plan can compute the gradients that the options ask for. */
function checkGradients(
  graph: Graph,
  { parameters, loss, optimizer, gradients = {}, parameterGradients }: PlanOptions
) {
  if (loss && parameterGradients !== false && !parameters.training) {
    const found = 'one that was made with training: false'
    throw expected('ERR_UNSUPPORTED', 'a model made for training', found, 'leave that option out')
  }
  const names = Object.keys(gradients)
  if (!loss && (names.length > 0 || parameterGradients === false))
    throw expected('ERR_INVALID_ARGUMENT', 'a loss, of which the gradients are', 'none', 'record a loss and pass it')
  if (optimizer && parameterGradients === false)
    throw expected('ERR_INVALID_ARGUMENT', 'gradients of parameters to update', 'none', 'leave the optimizer out')
  for (const name of names) {
    const { dtype } = gradients[name]!
    graph.own(gradients[name]!, `the gradient of "${name}"`)
    if (dtype !== 'f32')
      throw expected('ERR_INVALID_ARGUMENT', `a float32 tensor for the gradient of "${name}"`, dtype, NO_INTEGER)
  }
}

const NO_INTEGER = 'name a tensor that is computed from it, such as the output of an embedding'

/** Compiles the tables in the core. */
function compiled(tables: Tables, options: PlanOptions, host: Float32Array, control: Float64Array): PlanHandle {
  const { parameters, loss, optimizer, threads = 0, precision = 'f32', device = 'cpu' } = options
  const { tensors, ops, attributes, carry, gradients } = tables
  return callNative(() =>
    native().planCreate({
      store: handleOf(parameters),
      tensors,
      ops,
      attributes,
      carry,
      gradients,
      onlyGradients: options.parameterGradients === false ? 1 : 0,
      loss: loss ? tables.idOf(loss) : -1,
      optimizer: optimizers[optimizer ?? 'none'],
      host,
      control,
      threads,
      precision: precisions[precision],
      device: devices[device]
    })
  )
}

/** Returns the number of a mode. Allocates nothing, because every step of a stream passes here. */
function modeNumber(mode: Mode): number {
  if (typeof mode === 'string' && Object.hasOwn(modes, mode)) return modes[mode]
  throw expected('ERR_INVALID_ARGUMENT', `${Object.keys(modes).join(', ')} as mode`, show(mode), 'pass one of these')
}

/** Returns the functions that run `plan`. */
function runsOf(plan: NativePlan): Pick<GeneratingPlan, 'run' | 'runAside' | 'runSync'> {
  const addon = native()
  return {
    async run(mode = 'forward', runOptions) {
      const number = modeNumber(mode)
      const { signal } = readRunOptions(runOptions, 'the options of run')
      throwIfAborted(signal)
      await plan.runAway(mode, signal, (handle) => addon.planRun(handle, number))
    },
    runAside: () => plan.runAway('forward', undefined, (handle) => addon.planRunAside(handle)),
    runSync(mode = 'forward') {
      const number = modeNumber(mode)
      const handle = plan.begin(mode)
      try {
        addon.planRunSync(handle, number)
      } catch (error) {
        throw nativeError(error)
      } finally {
        plan.end(mode)
      }
    }
  }
}
