// The byte-level alphabet of GPT-2: a visible character for each byte, so that tokens of bytes can be written as text.

const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad)

const all = Array.from({ length: 256 }, (_, byte) => byte)

/** The 256 bytes in the order of GPT-2's ids: those that are printable in Latin-1, then the others. */
export const rankedBytes: readonly number[] = [...all.filter(isPrintable), ...all.filter((byte) => !isPrintable(byte))]

/** The character of each byte: itself if it is printable, else one from U+0100 on. */
export const byteCharacters: readonly string[] = all.map((byte) =>
  String.fromCharCode(isPrintable(byte) ? byte : 0x100 + rankedBytes.indexOf(byte) - 188)
)

const byteOf = new Map(byteCharacters.map((character, byte) => [character, byte]))

/** Returns the bytes of a token that is written in the alphabet, undefined if it has another character. */
export function bytesOfToken(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length)
  for (let at = 0; at < token.length; at++) {
    const byte = byteOf.get(token[at]!)
    if (byte === undefined) return undefined
    bytes[at] = byte
  }
  return bytes
}
