// The parts that all streams of one model share: a session to copy, the names of its token and logits, and a draw from logits.

import { expected } from '../errors.js'
import { Graph, type Tensor } from '../graph/graph.js'
import type { GeneratingPlan } from '../graph/plan.js'
import { categoricalSampler, DRAW_STREAM, type Sampler } from './samplers.js'
import { SessionCore } from './session-core.js'
import type { SessionModel } from './session-kind.js'
import type { SamplerSettings } from './settings.js'

/** The part of a model (see model.ts) that streams use. */
export interface TokenModel extends SessionModel {
  readonly definition: SessionModel['definition'] & { stream?: { token: string; logits: string } }
}

/** Streams of one model. */
export interface StreamKind {
  /** A session at position 0. It is only copied and never steps. */
  readonly core: SessionCore
  /** Name of the int32 input of one element. */
  readonly token: string
  /** Name of the output with [V] logits. */
  readonly logits: string
  /** Number of the logits. */
  readonly vocabulary: number
  /** Draws from logits the token that a step at `position` draws. */
  redraw(logits: Float32Array, settings: SamplerSettings, position: number): number
}

const kinds = new WeakMap<TokenModel, StreamKind>()

/** Returns the kind of the streams of `model`. Throws ERR_UNSUPPORTED if the model does not define a stream of tokens. */
export function streamKind(model: TokenModel): StreamKind {
  let kind = kinds.get(model)
  if (!kind) kinds.set(model, (kind = createKind(model)))
  return kind
}

/** Returns the settings as a session has them. */
export function controlOf({ temperature, topK, topP }: SamplerSettings): readonly number[] {
  return [temperature, topK, topP, 0]
}

function createKind(model: TokenModel): StreamKind {
  const names = model.definition.stream
  if (!names) {
    throw expected(
      'ERR_UNSUPPORTED',
      'a model that names its token input and logits output ("stream" in its definition)',
      `"${model.name}", which does not`,
      'add stream: { token, logits } to the definition'
    )
  }
  const sizes = Object.fromEntries(model.inputDimNames.map((name) => [name, 1]))
  const { inputs, outputs } = model.record(sizes, 'predict')
  const token = inputs[names.token]
  const logits = outputs[names.logits]
  if (token?.dtype !== 'i32' || token.shape.length !== 2 || logits?.shape.length !== 3) {
    throw expected(
      'ERR_UNSUPPORTED',
      `an int32 [length, batch] input "${names.token}" and an output "${names.logits}" of rank 3 for streams of "${model.name}"`,
      'others',
      'name such ones as stream in its definition'
    )
  }
  const { length: _, batch: __, ...dims } = sizes
  const sampler = categoricalSampler({ from: names.logits })
  const options = { dims, outputs: [names.logits], samplers: { [names.token]: sampler } }
  const vocabulary = logits.shape[2]!
  const core = SessionCore.create(model, options, true)
  return { ...names, vocabulary, core, redraw: createRedraw(model, sampler, logits) }
}

/** Returns the function that draws from logits, in a plan that is compiled for the first draw. */
function createRedraw(model: TokenModel, { record }: Sampler, { shape }: Tensor): StreamKind['redraw'] {
  let plan: GeneratingPlan | null = null
  const compile = () => {
    const graph = new Graph({ training: false, parameters: model.parameters.specs })
    const logits = graph.input('logits', shape, 'f32')
    const control = graph.input('control', [1, 4], 'f32')
    const rows = graph.input('rows', [1, 4], 'i32')
    graph.output('drawn', record(logits, control, DRAW_STREAM, rows))
    return model.compile(graph, { threads: 1 })
  }
  return (from, settings, position) => {
    plan ??= compile()
    const { inputs, outputs } = plan
    const { seed } = settings
    inputs['logits']!.set(from)
    inputs['control']!.set(controlOf(settings))
    inputs['rows']!.set([seed, seed / 2 ** 32, position, position / 2 ** 32])
    plan.runSync()
    return outputs['drawn']![0]!
  }
}
