// The inputs of a graph that continue its outputs: found where nodes connect them, by following the initial and the last states of recurrent layers
// through the nodes that only divide, join and reshape.

import { expected } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import { sizesOf } from './ports.js'
import type { OnnxFile, OnnxNode } from './read.js'

/** Operators that leave the elements of their first input in their order. */
const same: ReadonlySet<string> = new Set(['Identity', 'Dropout', 'Cast', 'Squeeze', 'Unsqueeze', 'Reshape'])
const recurrent: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN'])

/** A part of an input: the place of its first element, by which parts are put in order. */
interface Source {
  readonly input: string
  readonly at: number
}

/** Most initial states that one output continues: those of as many layers and directions. */
const MAX_CONTINUED = 256

class Graph {
  readonly #file: OnnxFile
  readonly #inputs: ReadonlySet<string>
  readonly #makers = new Map<string, OnnxNode>()
  /** Results of `continued`, because a value may be joined with itself many times. */
  readonly #continued = new Map<string, readonly string[] | null>()

  constructor(file: OnnxFile) {
    this.#file = file
    this.#inputs = new Set(file.inputs.map(({ name }) => name))
    for (const node of file.nodes) for (const name of node.outputs) if (name !== '') this.#makers.set(name, node)
  }

  /** Returns the part of an input that a value is; null for other values. */
  sourceOf(name: string, depth = 0): Source | null {
    if (this.#inputs.has(name)) return { input: name, at: 0 }
    const node = this.#makers.get(name)
    const [from = ''] = node?.inputs ?? []
    if (!node || depth > 64) return null
    if (same.has(node.type)) return this.sourceOf(from, depth + 1)
    const at = this.#beginOf(node, name)
    if (at === null) return null
    const source = this.sourceOf(from, depth + 1)
    return source?.at === 0 ? { input: source.input, at } : null
  }

  /** Returns the place along the first dimension at which the output of a node begins; null if that is not known. */
  #beginOf({ type, inputs, outputs, attributes }: OnnxNode, output: string): number | null {
    const axis = attributes.get('axis') ?? 0
    if (type === 'Split') return axis === 0 ? outputs.indexOf(output) : null
    if (type === 'Gather') return axis === 0 ? this.#integer(inputs[1]) : null
    if (type !== 'Slice') return null
    const listed = attributes.get('starts')
    const start = Array.isArray(listed) ? Number(listed[0]) : this.#integer(inputs[1])
    const axes = attributes.get('axes')
    const along = Array.isArray(axes) ? Number(axes[0]) : inputs[3] === undefined ? 0 : this.#integer(inputs[3])
    return along === 0 ? start : null
  }

  /** Returns the only integer of a constant; null for other values. */
  #integer(name = ''): number | null {
    const value = this.#makers.get(name)?.attributes.get('value')
    const constant =
      this.#file.constants.get(name) ?? (typeof value === 'object' && 'data' in value ? value : undefined)
    return constant?.type === 'i64' && constant.data.length === 1 ? Number(constant.data[0]) : null
  }

  /** Returns the initial states of which an output has the last ones, in its order; null for other outputs. */
  continued(name: string, depth = 0): readonly string[] | null {
    const node = this.#makers.get(name)
    if (!node || depth > 64) return null
    const known = this.#continued.get(name)
    if (known !== undefined) return known
    const found = this.#continuedBy(node, name, depth)
    this.#continued.set(name, found)
    return found
  }

  #continuedBy(node: OnnxNode, name: string, depth: number): readonly string[] | null {
    if (same.has(node.type)) return this.continued(node.inputs[0] ?? '', depth + 1)
    if (node.type === 'Concat') {
      if (node.attributes.get('axis') !== 0) return null
      const parts = node.inputs.map((part) => this.continued(part, depth + 1))
      const all = parts.every((part) => part !== null) ? parts.flat() : null
      return all && all.length <= MAX_CONTINUED ? all : null
    }
    const place = node.outputs.indexOf(name)
    const initial = recurrent.has(node.type) && place >= 1 ? (node.inputs[place + 4] ?? '') : ''
    return initial === '' ? null : [initial]
  }
}

/** Returns the outputs that inputs continue, by the names of the inputs: those that the nodes of a file connect. */
export function connectedStates(file: OnnxFile): Record<string, string> {
  const graph = new Graph(file)
  const found: Record<string, string> = {}
  for (const { name } of file.outputs) {
    const sources = graph.continued(name)?.map((initial) => graph.sourceOf(initial)) ?? []
    const [first] = sources
    const inOrder = sources.every(
      (one, i) => one && one.input === first?.input && (i === 0 || one.at > sources[i - 1]!.at)
    )
    if (first && inOrder && !Object.hasOwn(found, first.input)) found[first.input] = name
  }
  return found
}

/** Checks the pairs that a caller gives. Throws ERR_INVALID_ARGUMENT for names that the model does not have, and for two inputs of one output. */
export function checkStates(file: OnnxFile, states: Readonly<Record<string, string>>): void {
  const wrong = (what: string, found: string, remedy: string) =>
    expected('ERR_INVALID_ARGUMENT', `${what} of ${file.path} in states`, found, remedy)
  const listed = (ports: readonly { name: string }[]) => ports.map(({ name }) => quoted(name)).join(', ')
  for (const [input, output] of Object.entries(states)) {
    const given = file.inputs.find(({ name }) => name === input)
    if (!given) throw wrong('an input', quoted(input), `name one of ${listed(file.inputs)}`)
    if (given.type !== 1) throw wrong('an input of floats', quoted(input), 'leave it out')
    if (!file.outputs.some(({ name }) => name === output))
      throw wrong('an output', quoted(output), `name one of ${listed(file.outputs)}`)
  }
  const outputs = Object.values(states)
  const twice = outputs.find((name, i) => outputs.indexOf(name) !== i)
  if (twice !== undefined) throw wrong('an output for each input', `${quoted(twice)} twice`, 'name other outputs')
}

/** Returns the names of the sizes of inputs that are free. */
export function freeSizes(file: OnnxFile): string[] {
  const all = file.inputs.flatMap((input) => sizesOf(input)).filter((size) => typeof size === 'string')
  return [...new Set(all)]
}
