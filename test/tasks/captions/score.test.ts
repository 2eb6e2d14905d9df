// The library: captions of pictures and of files, and the probability of given captions.

import { join } from 'node:path'
import t from 'tap'
import { defineModel } from '../../../src/index.js'
import { loadCaptioner } from '../../../src/tasks/captions/index.js'
import { captionerOf } from '../../../src/tasks/captions/load.js'
import { captionsDefinition } from '../../../src/tasks/captions/model.js'
import { captionWordsOf, learnWords } from '../../../src/tasks/captions/words.js'
import { save } from '../small-models.js'
import { captionsConfig, pngOf, shapePictures } from './pictures.js'

const config = captionsConfig({ attention: 'additive' })
const { vocabulary } = captionWordsOf(config.words)
/** Returns a model whose captions end early. */
function made() {
  const model = defineModel(captionsDefinition(config), { seed: 5 })
  model.parameters.get('head.bias').data[vocabulary.idOf('end')] = 2
  model.parameters.touch()
  return model
}
const all = shapePictures(40)
const pictures = all.map(({ picture }) => picture)
const captions = all.map(({ caption }) => caption)

t.test('the nats of a caption are those of its hypothesis, in any company', async (t) => {
  using model = made()
  const { caption, score } = captionerOf(model, config)
  const found = await caption(pictures, { beam: 3, best: 3 })
  const flat = found.flatMap((own, i) => own.filter(({ ended }) => ended).map((one) => ({ ...one, picture: pictures[i]! }))) // prettier-ignore
  t.ok(flat.length > 3)
  const nats = await score(flat.map(({ picture }) => picture), flat.map(({ text }) => text)) // prettier-ignore
  // The search divides by the probability of all words but the unknown one and the begin.
  for (const [i, own] of nats.entries())
    t.ok(own > flat[i]!.nats && own < flat[i]!.nats + 10, `${own} ${flat[i]!.nats}`)
  const [one] = await caption([pictures[7]!], { beam: 3, best: 3 })
  t.same(one, found[7], 'alone')
  const together = await score(pictures, captions)
  for (const i of [0, 33]) t.same(await score([pictures[i]!], [captions[i]!]), [together[i]])
  t.same(await score([], []), [])
  t.ok((await score([pictures[0]!], ['a word that nobody knows']))[0]! > 0)
})

t.test('the weights of the attention are those of the places, for each word', async (t) => {
  using model = made()
  const { attention, caption } = captionerOf(model, config)
  const { words, rows, columns, weights } = await attention(pictures[0]!, { caption: captions[0]! })
  t.same(words, [...captions[0]!.split(/ |(?=:)/), '<end>'])
  t.same([rows, columns, weights.length], [4, 6, words.length])
  for (const own of weights) {
    t.equal(own.length, rows * columns)
    t.ok(Math.abs(own.reduce((sum, one) => sum + one, 0) - 1) < 1e-5)
  }
  const longer = await attention(pictures[0]!, { caption: `${captions[0]!} red` })
  t.same(longer.weights.slice(0, weights.length), weights, 'the words before determine them')
  const best = (await caption([pictures[1]!], { beam: 2, lengthPenalty: 10 }))[0]![0]!
  const found = await attention(pictures[1]!, { beam: 2, lengthPenalty: 10 })
  t.same(found.words, [...captionWordsOf(config.words).wordsOf(best.text), '<end>'])
  const [plain, covered] = await Promise.all([0, 5].map((coveragePenalty) => caption([pictures[1]!], { beam: 3, coveragePenalty }))) // prettier-ignore
  t.ok(covered![0]![0]!.score < plain![0]![0]!.score, 'a coverage penalty makes scores smaller')
  t.same((await attention(pictures[0]!, { caption: ' ' })).words, ['<end>'])
})

t.test('files, pictures and other values', async (t) => {
  const path = join(t.testdir(), 'm.safetensors')
  await save(made(), path)
  using captioner = await loadCaptioner(path)
  const bytes = await pngOf(pictures[0]!)
  t.same(await captioner.caption([bytes]), await captioner.caption([pictures[0]!]))
  const wide = { width: 24, height: 8, rgb: new Uint8Array(3 * 24 * 8) }
  await t.rejects(captioner.caption([wide]), { code: 'ERR_INVALID_SHAPE', message: /image 0 of 12 x 8 pixels/ })
  await t.rejects(captioner.caption([bytes.subarray(0, 40)]), { code: 'ERR_FILE_FORMAT', message: /image 0/ })
  await t.rejects(captioner.caption([null as never]), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(captioner.caption([bytes], { beam: 0 }), { code: 'ERR_INVALID_ARGUMENT', message: /beam/ })
  await t.rejects(captioner.score([bytes], []), { code: 'ERR_INVALID_ARGUMENT', message: /1 captions/ })
  await t.rejects(captioner.caption([bytes], { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})

t.test('words keep their spaces', async (t) => {
  const texts = [
    'A cat (asleep), 3:1 - “well”',
    'a half-eaten apple',
    "it's 1:0 (again), half-time",
    'ein Zwiebel-Mett, das'
  ]
  const words = captionWordsOf(learnWords(texts, { lowerCase: false, minCount: 1 }))
  for (const text of texts.slice(1)) t.equal(words.textOf(words.encode(text)), text)
  t.equal(words.textOf(words.encode('a dog (asleep)')), 'a \ufffd (asleep)')
  const lower = captionWordsOf(learnWords(texts, { lowerCase: true, minCount: 2 }))
  t.same(lower.wordsOf('A Cat'), ['a', 'cat'])
  t.equal(lower.config.longest, 13)
  t.throws(() => learnWords([], { lowerCase: false, minCount: 1 }), { code: 'ERR_CORPUS_EMPTY' })
})
