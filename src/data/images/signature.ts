// The format of an image by its first bytes, and whether it is animated, read before any decoder sees the bytes.

/** The formats that are read. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'avif'

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
/** Brands of ISO base media files that hold AV1 images (AVIF specification 1.1, section 6.1 and 6.2). */
const AVIF_BRANDS = ['avif', 'avis']

/** Returns the format of an image by its first bytes; null for other formats. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  if (PNG.every((byte, at) => bytes[at] === byte)) return 'png'
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg'
  if (ascii(bytes, 0) === 'RIFF' && ascii(bytes, 8) === 'WEBP') return 'webp'
  if (ascii(bytes, 4) === 'ftyp' && brandsOf(bytes).some((brand) => AVIF_BRANDS.includes(brand))) return 'avif'
  return null
}

/** Returns whether an image has several pictures that are shown one after the other. */
export function isAnimated(bytes: Uint8Array, format: ImageFormat): boolean {
  if (format === 'png') return hasAnimationChunk(bytes)
  // The flag of animation in the chunk VP8X (RFC 9649, section 2.7).
  if (format === 'webp') return ascii(bytes, 12) === 'VP8X' && (bytes[20]! & 2) !== 0
  return format === 'avif' && ascii(bytes, 8) === 'avis'
}

function ascii(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}

/** Returns the brands of the first box of an ISO base media file: the major one, then the compatible ones. */
function brandsOf(bytes: Uint8Array): string[] {
  const size = Math.min(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), bytes.length, 256)
  const brands = [ascii(bytes, 8)]
  for (let at = 16; at + 4 <= size; at += 4) brands.push(ascii(bytes, at))
  return brands
}

/** Returns whether a PNG has the chunk acTL, which comes before the first picture data (PNG third edition, section 5.6). */
function hasAnimationChunk(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = PNG.length; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = ascii(bytes, at + 4)
    if (type === 'acTL') return true
    if (type === 'IDAT') return false
  }
  return false
}
