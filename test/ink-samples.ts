// Ink that has something to learn, made from nothing: four signs of straight strokes, set side by side by a hand that shakes.

import { createInk, type Ink, type InkPoint } from '../src/data/ink/strokes.js'
import { createRandom } from '../src/random.js'

const signs: Record<string, [number, number][][]> = {
  l: [
    [
      [0, 1],
      [0, 0]
    ]
  ],
  v: [
    [
      [0, 1],
      [0.3, 0],
      [0.6, 1]
    ]
  ],
  z: [
    [
      [0, 1],
      [0.6, 1],
      [0, 0],
      [0.6, 0]
    ]
  ],
  t: [
    [
      [0.3, 1],
      [0.3, 0]
    ],
    [
      [0, 0.6],
      [0.6, 0.6]
    ]
  ]
}

/** The strokes of a text in these signs. */
export function drawText(text: string, seed: number): InkPoint[][] {
  const random = createRandom(seed, text)
  const shake = () => 2 * random.normal()
  const strokes: InkPoint[][] = []
  ;[...text].forEach((sign, place) => {
    for (const corners of signs[sign]!) {
      const points: InkPoint[] = []
      corners.slice(1).forEach(([x, y], i) => {
        const [x0, y0] = corners[i]!
        for (let k = 0; k <= 8; k++) {
          if (k === 0 && i > 0) continue
          const share = k / 8
          const at = [100 * (place + x0 + share * (x - x0)), 100 * (y0 + share * (y - y0))] as const
          points.push([at[0] + shake(), at[1] + shake()])
        }
      })
      strokes.push(points)
    }
  })
  return strokes
}

/** `count` samples of one to `longest` signs. */
export function inkSamples(count: number, longest = 3, seed = 0): { text: string; strokes: InkPoint[][] }[] {
  const random = createRandom(seed, 'texts')
  return Array.from({ length: count }, (_, i) => {
    const text = Array.from({ length: 1 + random.below(longest) }, () => 'lvzt'[random.below(4)]!).join('')
    return { text, strokes: drawText(text, i) }
  })
}

export function ndjson(samples: readonly object[]): string {
  return samples.map((sample) => `${JSON.stringify(sample)}\n`).join('')
}

export function inkOf({ text, strokes }: { text: string; strokes: InkPoint[][] }): Ink {
  return createInk(strokes, { text })
}
