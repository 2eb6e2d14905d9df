// PNG files of pixels that are in memory, for pictures that contain an image (PNG third edition, sections 5 and 11).

import { crc32, deflateSync } from 'node:zlib'

/** Pixels of 8 bits: grey with one channel, or red, green and blue with three. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  /** Values from 0 to 255, [height, width, channels]. */
  readonly values: Uint8Array
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const around = Buffer.alloc(8)
  around.writeUInt32BE(data.length, 0)
  around.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([around.subarray(0, 4), body, around.subarray(4)])
}

/** Returns the bytes of a PNG file. */
export function encodePng({ width, height, channels, values }: Pixels): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // 8 bits, grey or red, green and blue; deflate, the usual filters, not interlaced.
  header.set([8, channels === 1 ? 0 : 2, 0, 0, 0], 8)
  const size = channels * width
  // Each line begins with its filter; 0 is none.
  const lines = Buffer.alloc(height * (1 + size))
  for (let y = 0; y < height; y++) lines.set(values.subarray(size * y, size * (y + 1)), y * (1 + size) + 1)
  const parts = [chunk('IHDR', header), chunk('IDAT', deflateSync(lines, { level: 9 })), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from(SIGNATURE), ...parts])
}
