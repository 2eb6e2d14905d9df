// Permuted and padded tensors and patches of a convolution as nodes of ONNX. Patches are slices of the padded tensor, one for each element of the
// kernel, side by side.

import type { OpRecord, Tensor } from '../../../graph/graph.js'
import type { OnnxWriter } from './writer.js'

/** The part of a rearrangement for one dimension of x. */
interface Place {
  /** Its dimension in the result. */
  readonly target: number
  readonly before: number
  readonly stride: number
  readonly kernel: number
  /** Size in x, number of positions in the result, and padding after it. */
  readonly size: number
  readonly positions: number
  readonly after: number
}

/** Most slices of one op. */
const MOST = 1024
/** The end of a slice of everything. */
const END = 2n ** 63n - 1n

function placesOf({ inputs, outputs, attributes }: OpRecord): Place[] {
  const { shape } = inputs[0]!
  const parts = shape.map((_, d) => attributes.slice(1 + 4 * d, 5 + 4 * d) as [number, number, number, number])
  const patches = parts.reduce((product, [, , , kernel]) => product * kernel, 1)
  return parts.map(([target, before, stride, kernel], d) => {
    const all = outputs[0]!.shape[target]!
    const positions = target === shape.length - 1 ? all / patches : all
    const after = Math.max(0, (positions - 1) * stride + kernel - before - shape[d]!)
    return { target, before, stride, kernel, size: shape[d]!, positions, after }
  })
}

/** Returns the parts that cannot be written, in words: steps of a kernel along a dimension of any size. */
export function rearrangeLacks(op: OpRecord, _: unknown, other: OpRecord): string[] {
  const [own, others] = [placesOf(op), placesOf(other)]
  const isFree = own.some(({ stride, after, size }, d) => (stride !== 1 && others[d]!.size !== size) || others[d]!.after !== after) // prettier-ignore
  const patches = own.reduce((product, { kernel }) => product * kernel, 1)
  return [
    ...(isFree ? ['strides along a dimension of any size'] : []),
    ...(patches > MOST ? [`patches of ${patches} elements`] : [])
  ]
}

/** Returns the name of x with its padding. */
function padded(writer: OnnxWriter, x: Tensor, places: readonly Place[], constant: number): string {
  const pads = [...places.map(({ before }) => before), ...places.map(({ after }) => after)]
  const name = writer.nameOf(x)
  if (pads.every((size) => size === 0)) return name
  return writer.add('Pad', [name, writer.integers(pads), writer.floats([constant], true)])
}

/** Returns the offsets of the elements of all kernels, in row-major order of the dimensions. */
const offsetsOf = (places: readonly Place[]) =>
  places.reduce<number[][]>((all, { kernel }) => all.flatMap((begin) => Array.from({ length: kernel }, (_, k) => [...begin, k])), [[]]) // prettier-ignore

/** Writes the nodes of a rearrangement. */
export function writeRearrange(writer: OnnxWriter, op: OpRecord): void {
  const places = placesOf(op)
  let name = padded(writer, op.inputs[0]!, places, op.attributes[0]!)
  const cut = places.flatMap(({ kernel, stride }, d) => (kernel > 1 || stride > 1 ? [d] : []))
  if (cut.length > 0) {
    const slices = offsetsOf(places).map((offsets) => {
      const ends = cut.map((d) => {
        const { kernel, stride, positions } = places[d]!
        const left = offsets[d]! - kernel + 1
        return stride > 1 ? offsets[d]! + (positions - 1) * stride + 1 : left === 0 ? END : left
      })
      const lists = [cut.map((d) => offsets[d]!), ends, cut, cut.map((d) => places[d]!.stride)]
      return writer.add('Slice', [name, ...lists.map((list) => writer.integers(list))])
    })
    const last = places.findIndex(({ target }) => target === places.length - 1)
    name = writer.add('Concat', slices, { axis: last })
  }
  const perm = places.map((_, i) => places.findIndex(({ target }) => target === i))
  writer.result(op, perm.every((place, i) => place === i) ? 'Identity' : 'Transpose', [name], perm.every((place, i) => place === i) ? {} : { perm }) // prettier-ignore
}
