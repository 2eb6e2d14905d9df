// The training data of the recipes nlvr, nlvr-described and nlvr-blind: drawn scenes with true sentences to train on, a tenth of the groups of
// the training data to choose weights with, and the validation scenes of the data set to measure on. No picture to train on is one of the
// data set.
//   node bench/data/nlvr/training.mjs <folder> [count] [seed]       needs GATECELL_DATA
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv, env } from 'node:process'
import { fileURLToPath } from 'node:url'
import { encodePng } from '../../../dist/esm/data/images/png.js'
import { createRandom } from '../../../dist/esm/index.js'
import { describe } from './descriptions.mjs'
import { drawnExamples } from './drawn.mjs'
import { captionedScenes, statements } from './files.mjs'
import { drawScene, HEIGHT, WIDTH } from './scenes.mjs'

/** One of so many groups of the training data chooses weights. */
const CHOOSES = 10

/** Does a group of the training data choose weights? By a checksum, so that its scenes stay together. @param {string} group */
const chooses = (group) => createHash('sha256').update(group).digest().readUInt32BE(0) % CHOOSES === 0

const pngOf = (scene) => encodePng({ width: WIDTH, height: HEIGHT, channels: 3, values: drawScene(scene) })

/** A scene without regard to the order of boxes and items. */
const keyOf = (scene) =>
  scene
    .map((items) =>
      items
        .map((item) => [item.type, item.color, item.size, item.x_loc, item.y_loc].join())
        .sort()
        .join(' ')
    )
    .sort()
    .join('; ')

/**
 * Writes pictures, `captions.ndjson` and, of the same pictures, `descriptions.ndjson` into a folder.
 * @param {{root: string, folder: string, seed: number, count: number, blank?: boolean}} options count: drawn scenes; blank: without
 *   pictures and descriptions, the pictures of all captions are one grey pixel
 * @returns {{captions: string, descriptions: string}} their paths
 */
export function make({ root, folder, seed, count, blank = false }) {
  mkdirSync(folder, { recursive: true })
  const found = examplesOf({ root, seed, count })
  const write = (name, lines) => {
    writeFileSync(join(folder, name), lines.map((line) => JSON.stringify(line) + '\n').join(''))
    return join(folder, name)
  }
  const fileOf = ({ name, split }) => (blank ? `${split}.png` : `${name}.png`)
  if (blank) {
    const grey = encodePng({ width: 1, height: 1, channels: 3, values: new Uint8Array(3).fill(128) })
    for (const split of ['train', 'valid', 'test']) writeFileSync(join(folder, `${split}.png`), grey)
  } else {
    for (const one of found) writeFileSync(join(folder, fileOf(one)), pngOf(one.scene))
  }
  const lines = (captionOf) => found.map((one) => ({ file: fileOf(one), caption: captionOf(one), split: one.split }))
  return {
    captions: write(
      'captions.ndjson',
      lines(({ caption }) => caption)
    ),
    descriptions: blank
      ? ''
      : write(
          'descriptions.ndjson',
          lines(({ scene }) => describe(scene))
        )
  }
}

/** The examples of the three parts. */
function examplesOf({ root, seed, count }) {
  const train = captionedScenes(root, 'train')
  const given = new Set(statements(root).map(({ scene }) => keyOf(scene)))
  const next = drawnExamples(
    train.filter(({ group }) => !chooses(group)),
    createRandom(seed, 'drawn scenes')
  )
  const examples = []
  while (examples.length < count) {
    const example = next()
    if (!given.has(keyOf(example.scene)))
      examples.push({ ...example, name: `drawn-${examples.length}`, split: 'train' })
  }
  const part = (captioned, split) => captioned.map(({ id, caption, scene }) => ({ name: id, caption, scene, split }))
  const choosing = train.filter(({ group }) => chooses(group))
  return [...examples, ...part(choosing, 'valid'), ...part(captionedScenes(root, 'valid'), 'test')]
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, count = '20000', seed = '0'] = argv.slice(2)
  if (!folder || !env.GATECELL_DATA)
    throw new Error('Expected a folder, and GATECELL_DATA to name that of the data sets.')
  make({ root: env.GATECELL_DATA, folder, seed: Number(seed), count: Number(count) })
}
