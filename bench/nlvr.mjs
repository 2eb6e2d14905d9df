// Measures of how much a captioner sees in scenes of NLVR: how often the true scene gives a sentence more probability than the
// false one, the nats a caption between the right picture and another of the same kind, the perplexity compared with that of a model that
// sees nothing, and how many of its captions are true. False scenes have no file: they are drawn, equal to files to the pixel.
//   GATECELL_DATA=<folder> node bench/nlvr.mjs model.safetensors [--blind blind.safetensors] [--draws 10] [--seed 0] [--json]
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodePng } from '../dist/esm/data/images/png.js'
import { createRandom } from '../dist/esm/index.js'
import { captionedScenes, kindOf, statements } from './data/nlvr/files.mjs'
import { drawScene, HEIGHT, WIDTH } from './data/nlvr/scenes.mjs'
import { isTrue } from './data/nlvr/sentences.mjs'

/** @typedef {{score(images: Uint8Array[], captions: string[]): Promise<number[]>, words: {wordsOf(text: string): string[]},
 *   caption(images: Uint8Array[], options: object): Promise<{text: string}[][]>}} Captioner */

const picture = (scene) => encodePng({ width: WIDTH, height: HEIGHT, channels: 3, values: drawScene(scene) })
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The nats of captions, each with its scene. @param {Captioner} captioner */
const natsOf = (captioner, pairs) =>
  captioner.score(
    pairs.map(({ scene }) => picture(scene)),
    pairs.map(({ text }) => text)
  )

/**
 * How often the true scene of a pair is the likelier one, of all pairs of a true and a false scene that were shown with the same sentence.
 * @param {Captioner} captioner @param {import('./data/nlvr/files.mjs').Statement[]} all
 * @param {Set<string>} unseen groups whose sentences were not trained on
 */
export async function trueBeforeFalse(captioner, all, unseen) {
  const nats = await natsOf(captioner, all)
  const groups = new Map()
  for (const [i, { group, label }] of all.entries()) {
    const own = groups.get(group) ?? { true: [], false: [] }
    own[label].push(nats[i])
    groups.set(group, own)
  }
  const pairs = [...groups].flatMap(([group, own]) =>
    own.true.flatMap((right) =>
      own.false.map((wrong) => ({ group, won: right < wrong ? 1 : right === wrong ? 0.5 : 0 }))
    )
  )
  const share = (some) => mean(some.map(({ won }) => won))
  const others = pairs.filter(({ group }) => unseen.has(group))
  return {
    pairs: pairs.length,
    true_first: share(pairs),
    unseen_pairs: others.length,
    unseen_true_first: share(others)
  }
}

/** The nats of captions with the right picture, and the mean with `draws` others of the same kind that have another sentence. */
export async function rightAndOther(captioner, captioned, { draws, seed }) {
  const right = await natsOf(captioner, captioned)
  const random = createRandom(seed, 'other pictures')
  const others = captioned.flatMap(({ text, group, scene }) => {
    const same = captioned.filter((one) => one.group !== group && kindOf(one.scene) === kindOf(scene))
    return Array.from({ length: draws }, () => ({ text, scene: same[random.below(same.length)].scene }))
  })
  const other = await natsOf(captioner, others)
  return { nats_right: mean(right), nats_other: mean(other), gain: mean(other) - mean(right) }
}

/** Perplexity a token: words, marks and the end. */
async function perplexity(captioner, captioned) {
  const nats = await natsOf(captioner, captioned)
  const tokens = captioned.map(({ text }) => captioner.words.wordsOf(text).length + 1)
  return Math.exp(mean(nats) / mean(tokens))
}

/** How many greedy captions of scenes are true, of those that the checker understands. */
export async function truthOfCaptions(captioner, scenes) {
  const captions = await captioner.caption(scenes.map(picture), { beam: 1 })
  const truths = captions.map(([best], i) => isTrue(best.text, scenes[i]))
  const understood = truths.filter((truth) => truth !== undefined)
  return {
    captions: truths.length,
    understood: understood.length / truths.length,
    greedy_true: understood.filter(Boolean).length / understood.length,
    different: new Set(captions.map(([best]) => best.text)).size
  }
}

/** All figures of a captioner; `blind`: one that was trained on the same captions without pictures. */
export async function measureNlvr(captioner, blind, { root, draws, seed }) {
  const all = statements(root)
  const captioned = captionedScenes(root, 'valid').map((one) => ({ ...one, text: one.caption }))
  const unseen = new Set(captioned.map(({ group }) => group))
  const scenes = [...captioned, ...all.filter(({ label }) => !label)].map(({ scene }) => scene)
  const order = await trueBeforeFalse(captioner, all, unseen)
  const right = await rightAndOther(captioner, captioned, { draws, seed })
  const own = await perplexity(captioner, captioned)
  const without = blind && (await perplexity(blind, captioned))
  return {
    ...order,
    ...right,
    perplexity: own,
    ...(blind && { blind_perplexity: without, perplexity_ratio: own / without }),
    ...(await truthOfCaptions(captioner, scenes))
  }
}

function linesOf(found) {
  const percent = (share) => `${(100 * share).toFixed(1)} %`
  const blind = found.blind_perplexity
  return [
    `the true scene first: ${percent(found.true_first)} of ${found.pairs} pairs; ${percent(found.unseen_true_first)} of the ` +
      `${found.unseen_pairs} pairs whose sentence was not trained on`,
    `nats a caption: ${found.nats_right.toFixed(3)} with the right picture, ${found.nats_other.toFixed(3)} with another of its ` +
      `kind: ${found.gain.toFixed(3)} more`,
    `perplexity a token: ${found.perplexity.toFixed(3)}` +
      (blind ? `, without pictures ${blind.toFixed(3)}: ${found.perplexity_ratio.toFixed(3)} times` : ''),
    `greedy captions: ${percent(found.greedy_true)} true of the ${percent(found.understood)} of ${found.captions} that the checker ` +
      `understands; ${found.different} different ones`
  ]
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      blind: { type: 'string' },
      draws: { type: 'string', default: '10' },
      seed: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false }
    }
  })
  const root = process.env.GATECELL_DATA
  const [path] = positionals
  if (!root || !path) {
    console.error(
      'nlvr: Expected a model, and GATECELL_DATA to name the folder of the data sets; see "Data" in docs/quality.md.'
    )
    process.exitCode = 2
    return
  }
  const { loadCaptioner } = await import('../dist/esm/tasks/captions/index.js')
  const captioner = await loadCaptioner(path)
  const blind = values.blind && (await loadCaptioner(values.blind))
  const found = await measureNlvr(captioner, blind, { root, draws: Number(values.draws), seed: Number(values.seed) })
  console.log(values.json ? JSON.stringify(found) : linesOf(found).join('\n'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
