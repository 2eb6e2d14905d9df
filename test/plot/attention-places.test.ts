// The picture of an attention over the places of an image.

import sharp from 'sharp'
import t from 'tap'
import { attentionPlacesSvg } from '../../src/plot/attention-places.js'
import { colours, darkOf } from '../../src/plot/theme.js'

const rgb = Uint8Array.from({ length: 3 * 6 * 4 }, (_, i) => (37 * i) % 256)
const places = {
  words: ['a', ' <red>', 'square'],
  rows: 2,
  columns: 3,
  weights: [Float32Array.of(1, 0, 0, 0, 0, 0), [0.1, 0.2, 0.3, 0.4, 0, 0], [0.5, 0, 0, 0, 0, 0.5]]
}
const picture = { width: 6, height: 4, rgb }
const pngs = (svg: string) => [...svg.matchAll(/href="data:image\/png;base64,([^"]*)"/g)].map(([, text]) => Buffer.from(text!, 'base64')) // prettier-ignore

t.test('a panel for each word, with its largest weight, and the picture once', async (t) => {
  const svg = attentionPlacesSvg({ ...places, picture }, { title: 'a red square & more' })
  t.match(svg, /^<svg .*<\/svg>\n$/s)
  t.match(svg, /<title>a red square &amp; more<\/title>/)
  for (const text of ['a', '&lt;red&gt;', 'square', '100 %', '40 %', '50 %']) t.ok(svg.includes(`>${text}<`), text)
  t.equal(svg.match(/<use /g)!.length, 3)
  const [whole, ...masks] = pngs(svg)
  const { data, info } = await sharp(whole).raw().toBuffer({ resolveWithObject: true })
  t.match(info, { width: 6, height: 4, channels: 3 })
  t.same(new Uint8Array(data), rgb, 'the pixels of the picture')
  const grey = await Promise.all(masks.map((mask) => sharp(mask).extractChannel(0).raw().toBuffer()))
  const faint = Math.round(0.15 * 255)
  t.same([...grey[0]!], [255, faint, faint, faint, faint, faint])
  t.same(
    [...grey[1]!],
    [0.25, 0.5, 0.75, 1, 0, 0].map((share) => Math.round(255 * (0.15 + 0.85 * share)))
  )
  const drawn = await sharp(Buffer.from(svg)).png().toBuffer()
  t.ok(drawn.length > 1000, 'a picture that a renderer draws')
  t.equal(attentionPlacesSvg({ ...places, picture }), attentionPlacesSvg(structuredClone({ ...places, picture })))
})

t.test('a grid without a picture, in colours of light and dark pages', async (t) => {
  const svg = attentionPlacesSvg(places)
  t.notMatch(svg, '<use ')
  t.equal(pngs(svg).length, 3, 'masks only')
  for (const [, attribute, value] of svg.matchAll(/ (fill|stroke)="(#[^"]+)"/g))
    t.ok(svg.includes(`[${attribute!}="${value!}"]{${attribute!}:${darkOf(value!)!}}`), value!)
  t.ok(svg.includes(`fill="${colours.text}"`))
  const all = { words: Array<string>(30).fill('a word that is long'), rows: 1, columns: 1, weights: Array<number[]>(30).fill([1]) } // prettier-ignore
  const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(attentionPlacesSvg(all))!
  t.ok(Number(width) <= 740 && Number(height) > 700, `${width} x ${height}: rows of panels`)
  t.match(attentionPlacesSvg({ ...places, weights: Array<number[]>(3).fill([0, 0, 0, 0, 0, 0]) }), />0 %</)
})

t.test('values that are no weights and no pictures', async (t) => {
  const wrong: [object, string][] = [
    [{ weights: places.weights.slice(1) }, 'ERR_INVALID_SHAPE'],
    [{ rows: 3 }, 'ERR_INVALID_SHAPE'],
    [{ rows: 0 }, 'ERR_INVALID_ARGUMENT'],
    [{ columns: 257 }, 'ERR_INVALID_ARGUMENT'],
    [{ words: [] }, 'ERR_INVALID_ARGUMENT'],
    [{ weights: [[NaN, 0, 0, 0, 0, 0], ...places.weights.slice(1)] }, 'ERR_INVALID_ARGUMENT'],
    [{ picture: { ...picture, width: 5 } }, 'ERR_INVALID_SHAPE'],
    [{ picture: { ...picture, rgb: [...rgb] } }, 'ERR_INVALID_ARGUMENT'],
    [{ picture: new Uint8Array(9) }, 'ERR_INVALID_ARGUMENT']
  ]
  for (const [part, code] of wrong) t.throws(() => attentionPlacesSvg({ ...places, ...part }), { code })
})
