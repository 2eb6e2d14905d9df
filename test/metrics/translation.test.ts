// BLEU and chrF against sacreBLEU 2.6.0 (test/golden/make_bleu.py), and by hand.
import t from 'tap'
import { bleu, type BleuSmoothing } from '../../src/metrics/translation/bleu.js'
import { chrf } from '../../src/metrics/translation/chrf.js'
import { splitWhite, trimWhite } from '../../src/metrics/translation/python-text.js'
import { SACREBLEU_VERSION } from '../../src/metrics/translation/references.js'
import { bleuTokenizers, bleuWords, type BleuTokenizer } from '../../src/metrics/translation/tokenizers.js'
import { readGolden } from '../golden.js'

interface GoldenBleu {
  version: string
  words: { line: string; words: Record<BleuTokenizer, string[]> }[]
  cases: {
    hypotheses: string[]
    references: string[][]
    tokenizer: BleuTokenizer
    smoothing: BleuSmoothing
    bleu: number
    precisions: number[]
    brevityPenalty: number
    length: number
    referenceLength: number
    signature: string
    chrf: number
    chrfSignature: string
    chrfWords: number
    chrfWordsSignature: string
  }[]
}

const golden = readGolden<GoldenBleu>('bleu')
const close = (found: number, wanted: number) => Math.abs(found - wanted) <= 1e-9

t.test('the words of each tokeniser', async (t) => {
  t.equal(golden.version, SACREBLEU_VERSION)
  for (const { line, words } of golden.words) {
    for (const name of bleuTokenizers) t.same(bleuWords(name)(line), words[name], `${name} of ${JSON.stringify(line)}`)
  }
})

t.test('the table of known cases and 200 random ones', async (t) => {
  t.equal(golden.cases.length, 206)
  for (const [i, one] of golden.cases.entries()) {
    const { hypotheses, references, tokenizer, smoothing } = one
    const found = bleu(hypotheses, references, { tokenizer, smoothing })
    const { length, referenceLength, signature } = found
    t.same(
      { length, referenceLength, signature },
      { length: one.length, referenceLength: one.referenceLength, signature: one.signature },
      `lengths and signature of case ${i}`
    )
    const precisions = found.precisions.every((precision, at) => close(precision, one.precisions[at]!))
    t.ok(precisions && close(found.brevityPenalty, one.brevityPenalty), `precisions of case ${i}`)
    t.ok(close(found.score, one.bleu), `BLEU of case ${i}: ${found.score}, ${one.bleu}`)
    const characters = chrf(hypotheses, references)
    t.ok(close(characters.score, one.chrf), `chrF2 of case ${i}: ${characters.score}, ${one.chrf}`)
    t.equal(characters.signature, one.chrfSignature)
    const words = chrf(hypotheses, references, { words: 2 })
    t.ok(close(words.score, one.chrfWords), `chrF++ of case ${i}: ${words.score}, ${one.chrfWords}`)
    t.equal(words.signature, one.chrfWordsSignature)
  }
})

t.test('the white space of Python', async (t) => {
  t.same(splitWhite('\x1ca\x85b\u200bc\ufeffd\u202fe \n'), ['a', 'b\u200bc\ufeffd', 'e'])
  t.same(splitWhite(' \t'), [])
  t.equal(trimWhite('\x1f\u3000\ufeffa b\u2029 '), '\ufeffa b')
  t.equal(trimWhite(' '), '')
})

t.test('refusals', async (t) => {
  const one = [['a']]
  t.throws(() => bleu([], []), { code: 'ERR_CORPUS_EMPTY' })
  t.throws(() => bleu(['a', 'b'], one), { code: 'ERR_INVALID_SHAPE', message: /2 lists of references/ })
  t.throws(() => chrf(['a', 'b'], [['a'], []]), { code: 'ERR_INVALID_SHAPE', message: /of sentence 1/ })
  const tokenizer = 'ja-mecab' as BleuTokenizer
  t.throws(() => bleu(['a'], one, { tokenizer }), { code: 'ERR_UNSUPPORTED', message: /"ja-mecab": measure Japanese/ })
  t.throws(() => bleuWords('spm'), { code: 'ERR_UNSUPPORTED' })
  t.throws(() => bleuWords('toString'), { code: 'ERR_INVALID_ARGUMENT', message: /one of 13a, zh, none, char, intl/ })
})
