// CRC-32C against the vectors of RFC 3720 (appendix B.4) and against the plain bit-by-bit definition.
import fc from 'fast-check'
import t from 'tap'
import { crc32c, maskCrc32c } from '../../src/io/crc32c.js'

function plainCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

t.test('the vectors of RFC 3720', async (t) => {
  t.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  t.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  t.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e)
  t.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c)
  t.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
  t.equal(crc32c(new Uint8Array(0)), 0)
})

t.test('equals the definition, in one piece or two, at any alignment', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, place) => {
      const cut = Math.min(place, bytes.length)
      const expected = plainCrc32c(bytes)
      return (
        crc32c(bytes) === expected &&
        crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))) === expected &&
        crc32c(bytes.subarray(cut)) === plainCrc32c(bytes.slice(cut))
      )
    })
  )
})

t.test('the mask of TFRecord can be undone', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (crc) => {
      const masked = maskCrc32c(crc)
      const turned = (masked - 0xa282ead8) >>> 0
      return masked >= 0 && ((turned >>> 17) | (turned << 15)) >>> 0 === crc
    })
  )
})
