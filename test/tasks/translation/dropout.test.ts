// BPE dropout of a training: drawn symbols are those of the sentence, fit into their batches, and are a function of seed, epoch and pair.

import t from 'tap'
import { philox4x32 } from '../../../src/random.js'
import { trainBpe, type Batch, type BpeVocabulary } from '../../../src/index.js'
import type { JsonValue } from '../../../src/io/json.js'
import { encodeDropped } from '../../../src/data/text/bpe-vocabulary.js'
import { sampleShapes, sentenceBatches } from '../../../src/tasks/translation/batches.js'
import { drawnLengths } from '../../../src/tasks/translation/dropout.js'
import { learnSymbols, symbolText } from '../../../src/tasks/translation/symbols.js'
import { sentencePairs } from './sentences.js'

/** Use of the draws: kMerge of native/core/philox.h. */
const MERGE = 5

/** Returns the draws of a text in a repetition, one number in [0, 1) after the other. */
function drawsOf(seed: number, text: number, repetition: number): () => number {
  const block = new Uint32Array(4)
  const high = Math.floor(repetition / 2 ** 32) + MERGE * 2 ** 21
  let count = 0
  return () => {
    philox4x32([count++, text, repetition >>> 0, high], [seed >>> 0, Math.floor(seed / 2 ** 32)], block)
    return ((block[0]! >>> 5) * 67108864 + (block[1]! >>> 6)) / 9007199254740992
  }
}

/** Algorithm 1 of Provilkov et al. 2020 for one word: of the possible merges in their order, each is left out by a draw until one is not. */
function plainDropout({ config }: BpeVocabulary, word: string, dropout: number, draw: () => number): number[] {
  const { tokens, merges } = config
  const ids = [...word.replace(' ', '\u0120')].map((character) => tokens.indexOf(character))
  for (;;) {
    const possible = ids
      .slice(1)
      .flatMap((right, place) =>
        Array.from({ length: merges.length / 2 }, (_, rank) => ({ rank, place })).filter(
          ({ rank }) => merges[2 * rank] === ids[place] && merges[2 * rank + 1] === right
        )
      )
      .sort((one, other) => one.rank - other.rank || one.place - other.place)
    const kept = possible.find(() => draw() >= dropout)
    if (!kept) return ids
    const [left, right] = [merges[2 * kept.rank]!, merges[2 * kept.rank + 1]!]
    ids.splice(kept.place, 2, tokens.indexOf(tokens[left]! + tokens[right]!))
  }
}

const lines = sentencePairs(80, { most: 9 }).map((line) => line.split('\t') as [string, string])
const textsOf = (at: 0 | 1) => lines.map((line) => symbolText(line[at], true)!)

t.test('the native encoder gives the symbols of the plain reference', async (t) => {
  const vocabulary = await trainBpe([textsOf(0).join('\n')], { size: 300 })
  const words = [' one', ' three', ' four', ' six', ' ten']
  for (const dropout of [0.1, 0.5, 1])
    for (const seed of [0, 2 ** 40 + 7])
      for (const [i, word] of words.entries()) {
        const repetition = 2 ** 33 * i + 3
        const found = encodeDropped(vocabulary, word, dropout, { seed, text: i, repetition })
        t.same([...found], plainDropout(vocabulary, word, dropout, drawsOf(seed, i, repetition)))
      }
  for (const text of textsOf(0)) {
    const place = { seed: 1, text: 0, repetition: 0 }
    t.same(
      encodeDropped(vocabulary, text, 0, place),
      vocabulary.encode(text),
      'without dropout it is the plain encoder'
    )
    t.equal(vocabulary.decode(encodeDropped(vocabulary, text, 0.3, place)), text)
    t.equal(encodeDropped(vocabulary, text, 1, place).length, text.length, 'all merges left out')
  }
})

t.test('batches of a training', async (t) => {
  const pairs = lines.map(([source, target]) => ({
    source: symbolText(source, true)!,
    target: symbolText(target, true)!
  }))
  const symbols = await learnSymbols(pairs, { size: 300, separate: false }, undefined)
  const samples = pairs.map(({ source, target }, i) => ({
    source: symbols.source.encode(source),
    target: symbols.target.encode(target),
    pair: { source: lines[i]![0], target: lines[i]![1], path: 'pairs.tsv', line: i + 1 }
  }))
  const dropout = { probability: 0.3, seed: 5, symbols, plain: true }
  const lengths = await drawnLengths(samples, dropout, undefined)
  t.ok(samples.every(({ source, target }, i) => lengths.source[i]! >= source.length && lengths.target[i]! > target.length)) // prettier-ignore
  const ends = { begin: symbols.target.idOf('begin'), end: symbols.target.idOf('end') }
  const source = sentenceBatches(samples, {
    shapes: sampleShapes([lengths], 256),
    drawn: { dropout, lengths },
    seed: 5,
    train: true,
    ends,
    reversed: false
  })
  const read = (cursor?: JsonValue) => source.batches(cursor) as Iterable<Batch>
  /** The pairs of a batch as texts, and their symbols. */
  const rowsOf = ({ inputs, dims }: Batch) =>
    Array.from({ length: dims!['batch']! }, (_, row) => {
      const column = (name: string, length: number) =>
        Array.from({ length }, (_, t) => inputs[name]![t * dims!['batch']! + row]!)
      const ids = column('source', inputs['sourceLengths']![row]!)
      const targets = column('next', Math.max(0, inputs['lengths']![row]! - 1))
      return { text: `${symbols.source.decode(ids)}\t${symbols.target.decode(targets)}`, ids, targets }
    }).filter(({ ids }) => ids.length > 0)
  const epochs: Map<string, number[]>[] = [new Map(), new Map()]
  let after: JsonValue | undefined
  let resumed: unknown
  for (const batch of read()) {
    if (batch.epoch > 1) break
    for (const { text, ids, targets } of rowsOf(batch)) epochs[batch.epoch]!.set(text, [...ids, -1, ...targets])
    if (after !== undefined && resumed === undefined) resumed = structuredClone(batch)
    after ??= batch.cursor
  }
  const texts = pairs.map((pair) => `${pair.source}\t${pair.target}`).sort()
  for (const epoch of epochs) t.same([...epoch.keys()].sort(), texts, 'each epoch has the text of each pair')
  const symbolsOf = (epoch: number, text: string) => epochs[epoch]!.get(text)!.join()
  const differ = texts.filter((text) => symbolsOf(0, text) !== symbolsOf(1, text))
  t.ok(differ.length > texts.length / 2, `${differ.length} pairs have other symbols in the second epoch`)
  const [again] = read(after)
  t.same(again!.inputs, (resumed as Batch).inputs, 'a batch is a function of the position')
})
