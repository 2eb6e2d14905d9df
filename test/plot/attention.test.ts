// The picture of an attention.

import t from 'tap'
import { attentionSvg } from '../../src/plot/attention.js'

const matrix = {
  source: [' the', ' cat', ' <sat>'],
  target: [' le', ' chat', '<end>'],
  weights: [Float32Array.of(1, 0, 0), [0.25, 0.75, 0], [0, 0, 1]]
}

t.test('a picture has a dark cell for each large weight, and the names of rows and columns', async (t) => {
  const svg = attentionSvg(matrix, { title: 'the cat & the rest' })
  t.match(svg, /^<svg .*<\/svg>\n$/s)
  t.match(svg, /<title>the cat &amp; the rest<\/title>/)
  for (const name of ['the', 'cat', '&lt;sat&gt;', 'le', 'chat', '&lt;end&gt;', 'weight  0'])
    t.ok(svg.includes(`>${name}<`))
  const cells = [...svg.matchAll(/<rect x="(\d+)" y="(\d+)" width="22" height="22" fill="(#\w{6})"/g)]
  const places = cells.map(([, x, y, fill]) => [Number(x), Number(y), fill] as const)
  const [left, top] = [Math.min(...places.map(([x]) => x)), Math.min(...places.map(([, y]) => y))]
  t.same(
    places.map(([x, y]) => [(x - left) / 22, (y - top) / 22]),
    [
      [0, 0],
      [0, 1],
      [1, 1],
      [2, 2]
    ],
    'cells of the weights above zero, columns to the right, rows downwards'
  )
  t.equal(places[0]![2], places[3]![2])
  t.not(places[1]![2], places[2]![2])
  t.match(svg, /prefers-color-scheme:dark/)
  t.equal(attentionSvg(matrix), attentionSvg(structuredClone(matrix)))
})

t.test('values that are no weights', async (t) => {
  const shapes: [object, string][] = [
    [{ weights: matrix.weights.slice(1) }, 'ERR_INVALID_SHAPE'],
    [{ weights: [[1, 0], [0, 1], [0, 1]] }, 'ERR_INVALID_SHAPE'],
    [{ weights: [[1, 0, 2], [0, 1, 0], [0, 1, 0]] }, 'ERR_INVALID_ARGUMENT'],
    [{ weights: [[1, 0, NaN], [0, 1, 0], [0, 1, 0]] }, 'ERR_INVALID_ARGUMENT'],
    [{ source: [] }, 'ERR_INVALID_ARGUMENT'],
    [{ target: Array<string>(513).fill('a') }, 'ERR_INVALID_ARGUMENT']
  ] // prettier-ignore
  for (const [part, code] of shapes) t.throws(() => attentionSvg({ ...matrix, ...part }), { code })
})
