// Scenes of NLVR are drawn equal to the published pictures, the checker agrees with the labels of the statements, and the scenes to train on are
// true of their sentences and not those of the data set.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import t from 'tap'
import { encodePng } from '../../src/data/images/png.js'
import { createRandom } from '../../src/random.js'
import { root } from '../cli/command.js'

interface Item {
  type: string
  color: string
  size: number
  x_loc: number
  y_loc: number
}
type Scene = Item[][]
interface Statement {
  id: string
  group: string
  text: string
  label: boolean
  scene: Scene
}
interface Captioned {
  group: string
  caption: string
  scene: Scene
  images: string[]
}

const bench = (name: string) => import(pathToFileURL(join(root, 'bench', name)).href)
const { drawScene, VIEWS, WIDTH, HEIGHT } = (await bench('data/nlvr/scenes.mjs')) as {
  drawScene(scene: Scene): Uint8Array
  VIEWS: number[][]
  WIDTH: number
  HEIGHT: number
}
const { isTrue } = (await bench('data/nlvr/sentences.mjs')) as {
  isTrue(text: string, scene: Scene): boolean | undefined
}
const pngOf = (values: Uint8Array) => encodePng({ width: WIDTH, height: HEIGHT, channels: 3, values })
const files = (await bench('data/nlvr/files.mjs')) as {
  statements(root: string): Statement[]
  captionedScenes(root: string, part: string): Captioned[]
  archiveOf(root: string, part: string): Buffer
}
const { drawnExamples } = (await bench('data/nlvr/drawn.mjs')) as {
  drawnExamples(examples: Captioned[], random: object): () => { caption: string; scene: Scene }
}

const data = process.env['GATECELL_DATA'] ?? ''
const skip = existsSync(join(data, 'captioning/nlvr-true')) ? false : 'GATECELL_DATA has no captioning/nlvr-true'
const block = (color: string, level: number): Item => ({
  type: 'square',
  color,
  size: 20,
  x_loc: 40,
  y_loc: 80 - 21 * level
})
const tower = (...colors: string[]) => colors.map(block)
const towers = [tower('Yellow'), tower('Black', 'Yellow'), tower('#0099ff', '#0099ff', 'Black')]

t.test('a scene as pixels, and as PNG', async (t) => {
  const pixels = drawScene([[{ type: 'triangle', color: 'Black', size: 10, x_loc: 90, y_loc: 0 }], ...towers.slice(1)])
  const at = (x: number, y: number) => Array.from(pixels.subarray(3 * (WIDTH * y + x), 3 * (WIDTH * y + x) + 3))
  t.same(
    [at(0, 0), at(120, 50), at(190, 80), at(190, 59)],
    [
      [211, 211, 211],
      [128, 128, 128],
      [0, 0, 0],
      [255, 255, 0]
    ]
  )
  t.same(
    [at(94, 0), at(95, 0), at(94, 1), at(95, 1)],
    [158, 158, 52, 53].map((grey) => [grey, grey, grey])
  )
  const { data, info } = await sharp(pngOf(pixels)).raw().toBuffer({ resolveWithObject: true })
  t.match(info, { width: WIDTH, height: HEIGHT, channels: 3 })
  t.ok(data.equals(pixels))
})

t.test('the published pictures', { skip }, async (t) => {
  const { filesOfTar } = (await bench('tar.mjs')) as {
    filesOfTar(data: Buffer): Iterable<{ name: string; bytes: Buffer }>
  }
  for (const [part, step] of [
    ['valid', 1],
    ['train', 71]
  ] as const) {
    const pictures = new Map([...filesOfTar(files.archiveOf(data, part))].map(({ name, bytes }) => [name, bytes]))
    const captioned = files.captionedScenes(data, part).filter((_, i) => i % step === 0)
    let equal = 0
    for (const { images, scene } of captioned) {
      for (const [view, name] of images.entries()) {
        const given = await sharp(pictures.get(name)).removeAlpha().raw().toBuffer()
        if (given.equals(drawScene(VIEWS[view]!.map((box) => scene[box]!)))) equal++
      }
    }
    t.equal(
      equal,
      captioned.reduce((sum, { images }) => sum + images.length, 0),
      part
    )
  }
})

t.test('the truth of sentences', async (t) => {
  const cases: [string, boolean | undefined][] = [
    ['There is a tower with exactly two blocks having a yellow block at the top', true],
    ['there are exactly two towers with a black block at the top.', false],
    ['There is 1 tower with a blue block at the base', true],
    ['There is a black block on a blue block.', true],
    ['There is no yellow block above a black block', false],
    ['Each tower has atleast one yellow block', false],
    ['There are two towers with the same height.', false],
    ['There is a tower that sings.', undefined],
    ['', undefined]
  ]
  for (const [text, truth] of cases) t.equal(isTrue(text, towers), truth, text)
})

t.test('the checker and the labels', { skip }, async (t) => {
  const all = files.statements(data)
  const truths = all.map(({ text, scene }) => isTrue(text, scene))
  const understood = truths.filter((truth) => truth !== undefined).length
  const right = truths.filter((truth, i) => truth === all[i]!.label).length
  t.match([all.length, understood / all.length > 0.94, right / understood > 0.985], [1979, true, true])
})

t.test('scenes to train on', { skip }, async (t) => {
  const train = files.captionedScenes(data, 'train')
  const [one, again] = [0, 0].map((seed) => drawnExamples(train, createRandom(seed, 'scenes')))
  for (let i = 0; i < 50; i++) {
    const { caption, scene } = one!()
    t.not(isTrue(caption, scene), false, caption)
    t.same(again!(), { caption, scene })
  }
})

t.test('files to train on', { skip }, async (t) => {
  const { make } = (await bench('data/nlvr/training.mjs')) as {
    make(options: object): { captions: string; descriptions: string }
  }
  const lines = (path: string) => readFileSync(path, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { file: string; caption: string; split: string }) // prettier-ignore
  const folder = t.testdir()
  const made = make({ root: data, folder: join(folder, 'seen'), seed: 1, count: 20 })
  const [captions, descriptions] = [lines(made.captions), lines(made.descriptions)]
  t.same(descriptions.map(({ file, split }) => [file, split]), captions.map(({ file, split }) => [file, split])) // prettier-ignore
  t.equal(captions.filter(({ split }) => split === 'train').length, 20)
  t.equal(captions.filter(({ split }) => split === 'test').length, 112)
  for (const { caption } of descriptions)
    t.match(
      caption,
      /^(?:tower (?:[a-z]+ ?){1,4}){3}$|^(?:box (?:one|two|three|four|five|six|seven|eight)(?: (?:small|middle|large) [a-z]+ [a-z]+(?: touching)?)+ ?){3}$/
    )
  const given = new Set(files.statements(data).map(({ scene }) => pngOf(drawScene(scene)).toString('latin1'))) // prettier-ignore
  for (const { file, split } of captions)
    t.equal(given.has(readFileSync(join(folder, 'seen', file), 'latin1')), split !== 'train', file)
  const blank = lines(make({ root: data, folder: join(folder, 'blank'), seed: 1, count: 20, blank: true }).captions)
  t.same(blank.map(({ caption }) => caption), captions.map(({ caption }) => caption)) // prettier-ignore
  t.same(new Set(blank.map(({ file }) => file)), new Set(['train.png', 'valid.png', 'test.png']))
})

t.test('the measures', { skip }, async (t) => {
  const { measureNlvr } = (await bench('nlvr.mjs')) as {
    measureNlvr(...args: unknown[]): Promise<Record<string, number>>
  }
  const scenes = new Map(
    files.statements(data).map(({ scene }) => [Buffer.from(drawScene(scene)).toString('latin1'), scene])
  )
  const sceneOf = async (png: Buffer) => scenes.get((await sharp(png).raw().toBuffer()).toString('latin1'))!
  const words = { wordsOf: (text: string) => text.split(' ') }
  const knowing = {
    words,
    score: async (images: Buffer[], captions: string[]) =>
      await Promise.all(captions.map(async (text, i) => (isTrue(text, await sceneOf(images[i]!)) ? 1 : 5))),
    caption: async (images: Buffer[]) => images.map(() => [{ text: 'There is a tower.' }])
  }
  const blind = { ...knowing, score: async (_: Buffer[], captions: string[]) => captions.map(() => 5) }
  const found = await measureNlvr(knowing, blind, { root: data, draws: 2, seed: 0 })
  t.match(found, { pairs: 1635, unseen_pairs: 165, captions: 988, understood: 1, different: 1 })
  t.ok(found['true_first']! > 0.94 && found['gain']! > 1.5 && found['perplexity_ratio']! < 0.9)
  const without = await measureNlvr(blind, null, { root: data, draws: 2, seed: 0 })
  t.match(without, { true_first: 0.5, unseen_true_first: 0.5, gain: 0 })
})
