// Small pictures of coloured shapes with their captions, and small captioners of them.

import sharp from 'sharp'
import type { Picture } from '../../../src/data/images/decode.js'
import { createRandom, type Random } from '../../../src/random.js'
import { defaultsOf } from '../../../src/settings/index.js'
import type { CaptionsConfig } from '../../../src/tasks/captions/config.js'
import {
  captionSetSettings,
  captionsNetworkSettings,
  captionsTrainingSettings,
  imageSettings,
  type CaptionsNetwork
} from '../../../src/tasks/captions/settings.js'
import { learnWords } from '../../../src/tasks/captions/words.js'

/** Width and height of the pictures. */
export const SIDES = { width: 12, height: 8 } as const

const COLOURS = { red: [220, 30, 30], green: [30, 160, 40], blue: [40, 60, 230] } as const
const SHAPES = { square: [4, 4], bar: [8, 2], post: [2, 6] } as const

/** A picture with its caption. */
export interface CaptionedPicture {
  readonly picture: Picture
  readonly caption: string
}

const chosen = <T>(random: Random, all: readonly T[]) => all[random.below(all.length)]!

/** Returns pictures of a shape at a random place; `seed` determines them. */
export function shapePictures(count: number, seed = 1): CaptionedPicture[] {
  const random = createRandom(seed, 'pictures')
  return Array.from({ length: count }, () => {
    const [colour, rgb] = chosen(random, Object.entries(COLOURS))
    const [shape, [wide, high]] = chosen(random, Object.entries(SHAPES))
    const [left, top] = [random.below(SIDES.width - wide), random.below(SIDES.height - high)]
    const pixels = new Uint8Array(3 * SIDES.width * SIDES.height).fill(255)
    for (let y = top; y < top + high; y++)
      for (let x = left; x < left + wide; x++) pixels.set(rgb, 3 * (y * SIDES.width + x))
    return { picture: { ...SIDES, rgb: pixels }, caption: `a ${colour} one: ${shape}` }
  })
}

/** Returns the bytes of a picture as a PNG file. */
export async function pngOf({ width, height, rgb }: Picture): Promise<Buffer> {
  return await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

/** Returns the configuration of a small captioner. */
export function captionsConfig(network: Partial<CaptionsNetwork> = {}): CaptionsConfig {
  const captions = shapePictures(40).map(({ caption }) => caption)
  return {
    image: { ...defaultsOf(imageSettings), ...SIDES },
    network: { ...defaultsOf(captionsNetworkSettings), channels: '4,6', hidden: 8, embedding: 6, ...network },
    words: learnWords(captions, { lowerCase: false, minCount: 1 }),
    sets: defaultsOf(captionSetSettings),
    training: { ...defaultsOf(captionsTrainingSettings), validEvery: 1 }
  }
}
