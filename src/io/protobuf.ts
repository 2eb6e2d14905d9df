// Messages of Protocol Buffers, written field by field: https://protobuf.dev/programming-guides/encoding/. A message is a list of pieces, so that the
// bytes of large tensors are not copied.

/** A message, or fields of one, in pieces. */
export type Message = readonly Uint8Array[]

/** Returns the bytes of an integer from 0 to 2^53 - 1: seven bits each, the lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return [...bytes, rest]
}

/** Returns a field of an integer from 0 to 2^53 - 1. */
export function integerField(field: number, value: number): Message {
  return [Uint8Array.from([...varint(field * 8), ...varint(value)])]
}

/** Returns a field of a float (4 bytes) or a double (8 bytes). */
export function fixedField(field: number, value: number, size: 4 | 8): Message {
  const array = size === 8 ? Float64Array.of(value) : Float32Array.of(value)
  return [Uint8Array.from([...varint(field * 8 + (size === 8 ? 1 : 5)), ...new Uint8Array(array.buffer)])]
}

/** Returns a field of another message or of bytes, in pieces. */
export function messageField(field: number, content: Message): Message {
  const length = content.reduce((sum, { length }) => sum + length, 0)
  return [Uint8Array.from([...varint(field * 8 + 2), ...varint(length)]), ...content]
}

/** Returns a field of a text. */
export function textField(field: number, value: string): Message {
  return messageField(field, [new TextEncoder().encode(value)])
}
