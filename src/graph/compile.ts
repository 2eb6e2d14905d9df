// Lowers a recorded graph to the flat tables of the C ABI: drops ops whose results are not used, and gives host tensors their slots.

import { expected } from '../errors.js'
import { slotted } from './arena.js'
import type { Graph, OpRecord } from './graph.js'
import { dtypes, opcodes, roles } from './opcodes.js'
import { MAX_ELEMENTS, sizeOf } from './shape.js'
import { type Tensor } from './graph.js'

/** The flat tables of a graph, in the form of gc_plan_desc (gatecell.h). */
export interface Tables {
  tensors: Int32Array
  ops: Int32Array
  attributes: Float64Array
  /** Pairs (from, to) of the new tensor ids. */
  carry: Int32Array
  /** Pairs (tensor id, slot) of the gradients that the caller reads. */
  gradients: Int32Array
  /** Elements of the host arena. */
  hostElements: number
  /** Returns the id in the tables of a tensor of the graph; -1 if the tensor was dropped. */
  idOf(tensor: Tensor): number
  /** Returns the first element of a host tensor in the arena; -1 if the tensor was dropped. */
  slotOf(tensor: Tensor): number
  /** Returns the first element of the gradient of a tensor in the arena; -1 if its gradient is not read. */
  gradientSlotOf(tensor: Tensor): number
}

/**
 * Lowers `graph`; keeps `loss` (null: none), the graph's outputs, its carried states, and the tensors whose `gradients` are read. Throws
 * ERR_INVALID_ARGUMENT if no op computes any of them, and ERR_OUT_OF_MEMORY if they are too large.
 */
export function lower(graph: Graph, loss: Tensor | null, gradients: Iterable<Tensor> = []): Tables {
  const read = new Set(gradients)
  const roots = [...graph.outputs.values(), ...graph.carries.map(({ from }) => from), ...(loss ? [loss] : []), ...read]
  const { live, ops } = reachable(graph, roots)
  if (ops.length === 0)
    throw expected('ERR_INVALID_ARGUMENT', 'outputs or a loss that an op computes', 'only inputs, or none', 'add one')
  // Inputs and states stay even if no op reads them, because the caller may write them.
  for (const tensor of [...graph.inputs.values(), ...graph.states.values(), ...graph.outputs.values()]) live.add(tensor)

  const ids = new Map<Tensor, number>()
  const slots = new Map<Tensor, number>()
  const table: number[] = []
  let hostElements = 0
  for (const tensor of graph.tensors) {
    if (!live.has(tensor)) continue
    ids.set(tensor, ids.size)
    let slot = 0
    if (tensor.role === 'parameter') slot = tensor.parameter
    if (tensor.role === 'host') {
      slot = hostElements
      slots.set(tensor, slot)
      hostElements += slotted(sizeOf(tensor.shape))
    }
    const [d0 = 1, d1 = 1, d2 = 1, d3 = 1] = tensor.shape
    table.push(dtypes[tensor.dtype], roles[tensor.role], slot, tensor.shape.length, d0, d1, d2, d3)
  }
  const gradientSlots = new Map<Tensor, number>()
  for (const tensor of read) {
    gradientSlots.set(tensor, hostElements)
    hostElements += slotted(sizeOf(tensor.shape))
  }
  if (hostElements > MAX_ELEMENTS) {
    const wanted = `inputs and outputs of at most ${MAX_ELEMENTS} elements together`
    throw expected('ERR_OUT_OF_MEMORY', wanted, `${hostElements}`, 'use a smaller batch or length')
  }

  const idOf = (tensor: Tensor) => ids.get(tensor) ?? -1
  return {
    tensors: Int32Array.from(table),
    ops: Int32Array.from(ops.flatMap((op) => encode(op, idOf))),
    attributes: Float64Array.from(ops.flatMap((op) => op.attributes)),
    carry: Int32Array.from(graph.carries.flatMap(({ from, to }) => [idOf(from), idOf(to)])),
    gradients: Int32Array.from([...gradientSlots].flatMap(([tensor, slot]) => [idOf(tensor), slot])),
    hostElements,
    idOf,
    slotOf: (tensor) => slots.get(tensor) ?? -1,
    gradientSlotOf: (tensor) => gradientSlots.get(tensor) ?? -1
  }
}

/** Returns the ops on which `roots` depend, in their order, and every tensor that these ops read or must write. */
function reachable(graph: Graph, roots: readonly Tensor[]): { live: Set<Tensor>; ops: OpRecord[] } {
  const live = new Set<Tensor>(roots)
  const ops: OpRecord[] = []
  for (let i = graph.ops.length - 1; i >= 0; i--) {
    const op = graph.ops[i]!
    if (!op.outputs.some((output) => live.has(output))) continue
    op.outputs.forEach((output, k) => {
      if (!op.optionalOutputs[k]) live.add(output)
    })
    for (const input of op.inputs) if (input) live.add(input)
    ops.push(op)
  }
  return { live, ops: ops.reverse() }
}

function encode(op: OpRecord, idOf: (tensor: Tensor) => number): number[] {
  const inputs = op.inputs.map((tensor) => (tensor ? idOf(tensor) : -1))
  const outputs = op.outputs.map(idOf)
  while (outputs.at(-1) === -1) outputs.pop()
  return [opcodes[op.name], inputs.length, outputs.length, op.attributes.length, ...inputs, ...outputs]
}
