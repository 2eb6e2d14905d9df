// Decoding of images: values by construction in every format, and hostile files.
import sharp from 'sharp'
import t from 'tap'
import { decodeImage, type DecodeImageOptions } from '../../../src/data/images/decode.js'
import { rounds } from '../../amounts.js'

const colours = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9, 250, 240, 230, 1, 2, 3])
/** 3 x 2 pixels. */
const picture = () => sharp(colours, { raw: { width: 3, height: 2, channels: 3 } })
const pixels = async (bytes: Uint8Array, options?: DecodeImageOptions) => [...(await decodeImage(bytes, options)).rgb]

t.test('formats give the values that were written', async (t) => {
  for (const lossless of [picture().png(), picture().webp({ lossless: true }), picture().png({ palette: true })])
    t.same(await pixels(await lossless.toBuffer()), [...colours])
  const grey = sharp({ create: { width: 16, height: 16, channels: 3, background: { r: 77, g: 77, b: 77 } } })
  for (const lossy of [grey.clone().jpeg({ quality: 95 }), grey.clone().avif({ quality: 90 }), grey.clone().webp()]) {
    const { width, height, rgb } = await decodeImage(await lossy.toBuffer())
    t.same([width, height], [16, 16])
    t.ok(rgb.every((value) => Math.abs(value - 77) <= 2))
  }
})

t.test('orientation, transparency, grey, 16 bits, CMYK', async (t) => {
  // Orientation 6: the first row is the right side.
  const turned = await decodeImage(await picture().withMetadata({ orientation: 6 }).png().toBuffer())
  t.same([turned.width, turned.height], [2, 3])
  t.same([...turned.rgb.subarray(3, 6)], [255, 0, 0], 'the first pixel is at the upper right')
  const clear = Uint8Array.from([200, 0, 0, 0, 0, 0, 200, 255])
  const png = await sharp(clear, { raw: { width: 2, height: 1, channels: 4 } })
    .png()
    .toBuffer()
  t.same(await pixels(png), [255, 255, 255, 0, 0, 200], 'over white')
  const deep = Uint16Array.from([0x12ff, 0xff00, 0x0080, 0x7fff])
  const grey = await sharp(deep, { raw: { width: 2, height: 2, channels: 1 } })
    .toColourspace('grey16')
    .png()
    .toBuffer()
  t.same(await pixels(grey), [18, 18, 18, 255, 255, 255, 0, 0, 0, 127, 127, 127], 'the high byte')
  const red = sharp({ create: { width: 16, height: 16, channels: 3, background: { r: 255, g: 0, b: 0 } } })
  const [r, g, b] = await pixels(await red.toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer())
  t.ok(r! > 200 && g! < 90 && b! < 90, `red after CMYK: ${r} ${g} ${b}`)
})

t.test('a size is reached by cutting, with a margin, or by stretching', async (t) => {
  const wide = await sharp({ create: { width: 40, height: 10, channels: 3, background: { r: 10, g: 10, b: 10 } } })
    .png()
    .toBuffer()
  for (const fit of ['cut', 'stretch'] as const) {
    const values = await pixels(wide, { width: 8, height: 8, fit })
    t.ok(values.length === 192 && values.every((value) => value === 10), fit)
  }
  const margin = await pixels(wide, { width: 8, height: 8, fit: 'margin' })
  t.same(margin.slice(0, 3), [255, 255, 255], 'white above')
  t.equal(margin[4 * 24], 10)
})

t.test('an image that cannot be used is an error with its name', async (t) => {
  const png = await picture().png().toBuffer()
  const pages = await sharp(Buffer.concat([colours, colours.slice().reverse()]), {
    raw: { width: 3, height: 4, channels: 3, pageHeight: 2 }
  })
    .webp({ loop: 0, delay: [100, 100] })
    .toBuffer()
  const acTL = Buffer.concat([png.subarray(0, 33), Buffer.from([0, 0, 0, 8]), Buffer.from('acTL'), Buffer.alloc(12), png.subarray(33)]) // prettier-ignore
  const bad: [bytes: Uint8Array, message: RegExp, options?: DecodeImageOptions][] = [
    [new Uint8Array(0), /image in a\.png but received an empty file/],
    [Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /another format/],
    [png.subarray(0, png.length - 20), /a whole PNG image in a\.png/],
    [pages, /a still picture in a\.png but received an animation/],
    [acTL, /animation/],
    [png, /at most 5 pixels in a\.png/, { maxPixels: 5 }]
  ]
  for (const [bytes, message, options] of bad)
    await t.rejects(decodeImage(bytes, { name: 'a.png', ...options }), { code: 'ERR_FILE_FORMAT', message })
  await t.rejects(decodeImage(png, { width: 4 }), { code: 'ERR_INVALID_ARGUMENT' })
  // A header that promises 60,000 x 60,000 pixels is refused before anything is decoded.
  const huge = Buffer.from(png)
  huge.writeUInt32BE(60_000, 16)
  huge.writeUInt32BE(60_000, 20)
  await t.rejects(decodeImage(huge), { code: 'ERR_FILE_FORMAT' })
})

t.test('damaged images give an error or a picture, and nothing else', async (t) => {
  const noise = sharp(Uint8Array.from({ length: 1200 }, (_, i) => (i * 7919) % 256), { raw: { width: 20, height: 20, channels: 3 } }) // prettier-ignore
  const whole = [noise.clone().png(), noise.clone().jpeg(), noise.clone().webp(), noise.clone().avif()]
  const files = await Promise.all(whole.map((one) => one.toBuffer()))
  let [state, refused] = [1, 0]
  const below = (n: number) => (state = (state * 48271) % 2147483647) % n
  for (let round = 0; round < rounds(40, 120, 2000); round++) {
    const bytes = Buffer.from(files[round % files.length]!)
    for (let i = below(4); i >= 0; i--) bytes[below(bytes.length)] = below(256)
    const cut = below(3) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes
    try {
      const { width, height, rgb } = await decodeImage(cut, { maxPixels: 10_000 })
      t.equal(rgb.length, 3 * width * height)
    } catch (error) {
      t.equal((error as { code?: string }).code, 'ERR_FILE_FORMAT')
      refused++
    }
  }
  t.ok(refused > 0)
})
