// A plan whose rows are hypotheses of searches. The inputs of a search, such as the outputs of an encoder, stay in its rows from step to step; only
// tokens, and states that another row continues, are copied. The most probable continuations are found by the plan.

import type { Tensor } from '../../graph/graph.js'
import { sample, topLogSoftmax } from '../../graph/ops/index.js'
import type { GeneratingPlan } from '../../graph/plan.js'
import type { View } from '../../graph/shape.js'
import type { PooledPlan } from '../plan-pool.js'
import { copyRow, putRow, rowsOfShape, takeRow, type RowLayout, type SessionValue } from '../rows.js'
import { DRAW_STREAM } from '../samplers.js'
import { logSoftmax } from '../scorers.js'
import { recordStep, type SessionKind } from '../session-kind.js'
import { expectEnd } from './beam-search.js'
import type { BeamEntry, BeamStep, WantedTokens } from './beam-types.js'

/** The value with which searches begin. Its inputs and states do not change. */
export class Beginning {
  constructor(
    readonly value: SessionValue,
    /** Steps of the source, which are the first of the weights of the attention. */
    readonly attended: number
  ) {}
}

/** The states of all rows after a step, as copies. */
interface MadeStates {
  readonly views: Readonly<Record<string, Float32Array>>
  readonly layouts: Readonly<Record<string, RowLayout>>
}

/** The state of a hypothesis: its beginning, and the step after which its states are in a row; null before the first step. */
export interface HypothesisState {
  readonly beginning: Beginning
  readonly made: MadeStates | null
  readonly row: number
}

/** The draw of a continuation: the settings of the op `sample`, and three numbers of which the draw is a function. */
export interface HypothesisDraw {
  readonly settings: readonly number[]
  readonly seed: number
  /** Number of the sequence, from 0 to 2^32 - 1. */
  readonly sequence: number
  /** Tokens of the sequence before the draw. */
  readonly length: number
}

/** A hypothesis as a plan takes it; `draw` is there for a plan that draws. */
export interface HypothesisEntry extends BeamEntry<HypothesisState> {
  readonly draw?: HypothesisDraw
}

/** The names of the tensors of a search, and the continuations that it wants. */
export interface HypothesisTensors {
  readonly token: string
  readonly logits: string
  readonly attention: string | null
  /** null: the nats of all tokens. 'draw': a token that is drawn. */
  readonly wanted: WantedTokens | 'draw' | null
}

interface Part {
  readonly name: string
  readonly view: View
  readonly layout: RowLayout
}

const END = 'end of the hypotheses'
const SETTINGS = 'settings of the draws'
const NUMBERS = 'numbers of the draws'

/** A compiled step of the hypotheses of searches. */
export class HypothesisPlan implements PooledPlan {
  readonly plan: GeneratingPlan
  readonly #rows: number
  readonly #tensors: HypothesisTensors
  readonly #inputs: readonly Part[]
  readonly #states: readonly Omit<Part, 'view'>[]
  readonly #outputs: Readonly<Record<string, Part>>
  /** The beginning whose inputs each row has. The plan does not keep it in memory. */
  readonly #beginnings: (WeakRef<Beginning> | null)[]
  /** The outputs of the last step. */
  readonly #copies = new Map<Part, View>()
  /** The copies of the states that are in the plan. */
  #made: MadeStates | null = null

  constructor(kind: SessionKind, rows: number, tensors: HypothesisTensors) {
    const { graph, outputs } = recordSearch(kind, rows, tensors)
    const single = recordSearch(kind, 1, tensors)
    for (const [name, tensor] of Object.entries(outputs)) graph.output(name, tensor)
    this.#rows = rows
    this.#tensors = tensors
    const plan = (this.plan = kind.model.compile(graph, { threads: kind.model.threads || 1 }))
    const layout = (name: string, tensor: Tensor, one: Tensor) => rowsOfShape(name, tensor.shape, one.shape, rows)
    this.#inputs = Object.keys(kind.model.definition.inputs).map((name) => ({
      name,
      view: plan.inputs[name]!,
      layout: layout(name, graph.inputs.get(name)!, single.graph.inputs.get(name)!)
    }))
    this.#states = [...graph.states].map(([name, tensor]) => ({
      name,
      layout: layout(name, tensor, single.graph.states.get(name)!)
    }))
    const parts = Object.entries(outputs).map(([name, tensor]) => {
      const part = { name, view: plan.outputs[name]!, layout: layout(name, tensor, single.outputs[name]!) }
      return [name, part] as const
    })
    this.#outputs = Object.fromEntries(parts)
    this.#beginnings = Array.from({ length: rows }, () => null)
    if (tensors.wanted && tensors.wanted !== 'draw') plan.inputs[END]!.fill(tensors.wanted.end)
  }

  /** Nothing of a search is only in the plan. */
  leave(): void {}

  /** Makes one step of hypotheses, at most as many as there are rows. */
  async step(asked: readonly HypothesisEntry[]): Promise<BeamStep<HypothesisState>[]> {
    const places = this.#place(asked.map(({ state }) => state))
    const { states } = this.plan
    asked.forEach((one, i) => this.#put(one, places[i]!, states))
    // Rows that never had a hypothesis get the last one, because zeros may not be valid inputs. Others continue those that they had.
    for (let row = 0; row < this.#rows; row++) if (this.#beginnings[row] === null) this.#put(asked.at(-1)!, row, states)
    this.#made = null
    await this.plan.run()
    const made = this.#copyStates()
    for (const part of Object.values(this.#outputs)) this.#copies.set(part, part.view.slice())
    const steps = asked.map(({ state: { beginning } }, i) => {
      const row = places[i]!
      return { state: { beginning, made, row }, ...this.#continuations(row), ...this.#attention(row, beginning) }
    })
    this.#made = made
    return steps
  }

  /** Returns a row for each state: its own one if it is there, or else one with the inputs of its beginning if there is one. */
  #place(states: readonly HypothesisState[]): Int32Array {
    const places = new Int32Array(states.length).fill(-1)
    const used = new Uint8Array(this.#rows)
    const take = (i: number, row: number) => {
      places[i] = row
      used[row] = 1
    }
    states.forEach(({ made, row }, i) => {
      if (made !== null && made === this.#made && !used[row]) take(i, row)
    })
    const free = new Map<Beginning | null, number[]>()
    for (let row = this.#rows - 1; row >= 0; row--) {
      if (used[row]) continue
      const beginning = this.#beginnings[row]?.deref() ?? null
      const rows = free.get(beginning)
      if (rows) rows.push(row)
      else free.set(beginning, [row])
    }
    states.forEach(({ beginning }, i) => {
      const row = places[i]! < 0 ? free.get(beginning)?.pop() : undefined
      if (row !== undefined) take(i, row)
    })
    const others = [...free.values()].flat().sort((a, b) => b - a)
    for (let i = 0; i < places.length; i++) if (places[i]! < 0) take(i, others.pop()!)
    return places
  }

  /** Puts the values of a hypothesis into a row, unless they are there. */
  #put({ state, token, draw }: HypothesisEntry, row: number, states: GeneratingPlan['states']): void {
    const { beginning, made } = state
    if (draw) this.#putDraw(draw, row)
    const { value } = beginning
    const resident = this.#beginnings[row]?.deref() === beginning
    for (const { name, view, layout } of this.#inputs) {
      if (name === this.#tensors.token) view[row] = token ?? value.inputs[name]![0]!
      else if (!resident) putRow(view, layout, row, value.inputs[name]!)
    }
    if (!resident) this.#beginnings[row] = new WeakRef(beginning)
    if (made !== null && made === this.#made && state.row === row) return
    for (const { name, layout } of this.#states) {
      const view = states[name]!
      if (made === null) putRow(view, layout, row, value.states[name]!)
      else copyRow({ view: made.views[name]!, layout: made.layouts[name]!, row: state.row }, { view, layout, row })
    }
  }

  #putDraw({ settings, seed, sequence, length }: HypothesisDraw, row: number): void {
    const { inputs } = this.plan
    inputs[SETTINGS]!.set(settings, 4 * row)
    inputs[NUMBERS]!.set([seed, seed / 2 ** 32, length, sequence], 4 * row)
  }

  #copyStates(): MadeStates {
    const { states } = this.plan
    return {
      views: Object.fromEntries(this.#states.map(({ name }) => [name, states[name]!.slice()])),
      layouts: Object.fromEntries(this.#states.map(({ name, layout }) => [name, layout]))
    }
  }

  #continuations(row: number): Pick<BeamStep<unknown>, 'nats' | 'tokens'> {
    const { wanted } = this.#tensors
    if (!wanted) return { nats: logSoftmax(this.#output('logits', row)) }
    const [nats, tokens] = [this.#output('nats', row), this.#output('ids', row)]
    const last = nats.length - 1
    if (wanted === 'draw') return { nats: nats.subarray(last), tokens: tokens.subarray(last) }
    // The last column is the end, which may be among the others, too.
    const count = tokens.indexOf(wanted.end) < last ? last : last + 1
    return { nats: nats.subarray(0, count), tokens: tokens.subarray(0, count) }
  }

  #attention(row: number, { attended }: Beginning): Pick<BeamStep<unknown>, 'attention'> {
    return this.#tensors.attention === null ? {} : { attention: this.#output('attention', row).subarray(0, attended) }
  }

  /** Returns a row of an output, of which the step has made a copy. */
  #output(name: string, row: number): View {
    const part = this.#outputs[name]!
    const { outer, inner } = part.layout
    const copy = this.#copies.get(part)!
    if (outer === 1) return copy.subarray(row * inner, (row + 1) * inner)
    const own = copy.slice(0, outer * inner)
    takeRow(copy, part.layout, row, own)
    return own
  }
}

/** Records a step with the outputs of a search by name. */
function recordSearch(kind: SessionKind, rows: number, { logits, attention, wanted }: HypothesisTensors) {
  const { graph, outputs: all } = recordStep(kind, rows, 'step')
  const scores = all[logits]!
  const outputs: Record<string, Tensor> = {}
  const { shape } = scores
  if (wanted === 'draw') {
    const numbers = graph.input(NUMBERS, [rows, 4], 'i32')
    const drawn = sample(scores, graph.input(SETTINGS, [rows, 4], 'f32'), DRAW_STREAM, numbers)
    Object.assign(outputs, topLogSoftmax(scores, 1, drawn))
  } else if (wanted) {
    expectEnd(wanted.end, shape.at(-1)!)
    const end = graph.input(END, shape.length === 1 ? [1] : shape.slice(0, -1), 'i32')
    Object.assign(outputs, topLogSoftmax(scores, Math.min(wanted.count, shape.at(-1)!), end))
  } else outputs['logits'] = scores
  if (attention !== null) outputs['attention'] = all[attention]!
  return { graph, outputs }
}
