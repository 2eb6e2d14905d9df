// Attention as nodes of ONNX: scores of all pairs of steps, a mask of the steps after the ends of the sources, softmax, and the weighted sum.

import type { OpRecord } from '../../../graph/graph.js'
import type { OnnxWriter } from './writer.js'

const INT64 = 7
/** The score of a step after the end: finite, so that a source without steps has zeros as weights. */
const LOWEST = -3e38

/** Returns the name of the mask [B, 1, S] of the steps before the ends of the sources. */
function maskOf(writer: OnnxWriter, keys: string, lengths: string): string {
  const steps = writer.add('Gather', [writer.add('Shape', [keys]), writer.integer(0)])
  const places = writer.add('Range', [writer.integer(0), steps, writer.integer(1)])
  const ends = writer.add('Unsqueeze', [writer.add('Cast', [lengths], { to: INT64 }), writer.integers([1])])
  return writer.add('Unsqueeze', [writer.add('Less', [places, ends]), writer.integers([1])])
}

/** Returns the name of the scores [B, T, S] of queries [T, B, A] and keys [S, B, A]. */
function scoresOf(writer: OnnxWriter, { name, inputs, attributes }: OpRecord): string {
  const [queries, keys, vector] = inputs.map((input) => writer.nameOf(input!)) as [string, string, string]
  if (name === 'dotAttention') {
    const rows = writer.add('Transpose', [queries], { perm: [1, 0, 2] })
    const products = writer.add('MatMul', [rows, writer.add('Transpose', [keys], { perm: [1, 2, 0] })])
    return writer.add('Mul', [products, writer.floats([attributes[0]!], true)])
  }
  const pairs = writer.add('Add', [
    writer.add('Unsqueeze', [writer.add('Transpose', [queries], { perm: [1, 0, 2] }), writer.integers([2])]),
    writer.add('Unsqueeze', [writer.add('Transpose', [keys], { perm: [1, 0, 2] }), writer.integers([1])])
  ])
  return writer.add('MatMul', [writer.add('Tanh', [pairs]), vector])
}

/** Writes the nodes of an op of attention: its context [T, B, V] and, if it is read, its weights [T, B, S]. */
export function writeAttention(writer: OnnxWriter, op: OpRecord, isUsed: (i: number) => boolean): void {
  const [values, lengths] = op.inputs.slice(-2).map((input) => writer.nameOf(input!)) as [string, string]
  const scores = scoresOf(writer, op)
  const mask = maskOf(writer, writer.nameOf(op.inputs[1]!), lengths)
  const masked = writer.add('Where', [mask, scores, writer.floats([LOWEST], true)])
  const weights = writer.add('Where', [mask, writer.add('Softmax', [masked]), writer.floats([0], true)])
  const context = writer.add('MatMul', [weights, writer.add('Transpose', [values], { perm: [1, 0, 2] })])
  writer.add('Transpose', [context], { perm: [1, 0, 2] }, writer.nameOf(op.outputs[0]!))
  if (isUsed(1)) writer.add('Transpose', [weights], { perm: [1, 0, 2] }, writer.nameOf(op.outputs[1]!))
}
