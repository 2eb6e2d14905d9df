// The commands for text over words and byte pairs: their records, lines, hints and refusals.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { story, tiny } from './command.js'
import { inProcess } from './in-process.js'

const text = story(9000)
const cwd = t.testdir({ 'story.txt': text, 'end.txt': text.slice(8100), 'blank.txt': ' \n '.repeat(99) })
const run = (...words: string[]) => inProcess(words, undefined, cwd)
const json = async (...words: string[]) => {
  const { code, stderr, records } = await run(...words, '--json')
  if (code !== 0) throw new Error(stderr)
  return records
}
const figures = ['nats', 'bits', 'bits_per_character', 'bits_per_byte'] as const

for (const [kind, name, more] of [
  ['word', 'words', []],
  ['bpe', 'byte pairs', ['--vocabulary-size', '280']]
] as const) {
  t.test(kind, async (t) => {
    const model = `${kind}.safetensors`
    const words = ['train', 'text', 'story.txt', '--out', model, '--vocabulary', kind, ...more, ...tiny]
    const records = await json(...words)
    const [start, end] = [records[0]!, records.at(-1)!]
    t.match(start, {
      vocabulary: { kind },
      text: { train: { characters: 8100, bytes: 8100 }, valid: { characters: 900 } }
    })
    // A word at the cut between the parts is divided, and its second part is unknown.
    t.match(end, { valid_characters: 900, valid_bytes: 900, valid_unknown: kind === 'word' ? 1 : 0 })
    const [held] = await json('evaluate', model, 'story.txt', '--part', 'valid')
    for (const figure of figures) t.equal(held![figure], end[`valid_${figure}`], figure)
    const { tokens, characters, bits, bits_per_character: rate } = held as Record<string, number>
    t.ok(Math.abs(rate! - (bits! * (tokens! + 1)) / characters!) < 1e-12)
    const [other] = await json('evaluate', model, 'end.txt')
    t.equal(other!.nats, held!.nats, 'the part that was held back is the last tenth of the characters')

    const people = await run('evaluate', model, 'end.txt')
    t.match(
      people.stdout,
      /^\d\.\d{4} nats, \d\.\d{4} bits a symbol; \d\.\d{4} bits a character, \d\.\d{4} bits a byte\n/
    )
    const trained = await run(...words, '--force')
    t.match(
      trained.stdout,
      new RegExp(
        `data {5}[\\d,]+ symbols to train on, \\d+ to validate(, .* unknown)?; [\\d,]+ different \\(${name}\\)`
      )
    )
    t.match(
      trained.stdout,
      /valid {4}\d\.\d{4} nats, \d.* bits a byte, over the whole validation text(, .* unknown)?, as one stream/
    )

    const sampled = await run('sample', model, '--prompt', 'the cell', '--length', '20')
    t.ok(sampled.stdout.startsWith('the cell'))
    const [record] = await json('sample', model, '--prompt', 'the cell', '--length', '20')
    t.equal(`the cell${record!.text as string}\n`, sampled.stdout)
    t.match((await run('trace', model, 'story.txt')).stdout, /over (1,792|2,048) symbols/)

    const [inspected] = await json('inspect', model)
    const { size } = inspected!.vocabulary as { size: number }
    t.same(inspected!.vocabulary, { kind, size: (start.vocabulary as { size: number }).size })
    t.match((await run('inspect', model)).stdout, new RegExp(`vocabulary of ${size} symbols \\(${kind}\\)`))
    const changed = ['--resume', '--vocabulary-size', '270']
    t.match(
      (await run(...words.filter((word) => word !== '--vocabulary-size' && word !== '280'), ...changed)).stderr,
      /ERR_INVALID_OPTION/
    )
  })
}

t.test('unknown words are counted', async (t) => {
  writeFileSync(join(cwd, 'half.txt'), `${'a b c d '.repeat(300)}${'x y '.repeat(600)}`)
  const out = ['--out', 'half.safetensors']
  const records = await json('train', 'text', 'half.txt', ...out, '--vocabulary', 'word', '--valid', '0.5', ...tiny)
  t.match(records.at(-1), { valid_unknown: 1200, valid_tokens: 1199 })
  const { stdout } = await run('evaluate', 'half.safetensors', 'half.txt')
  t.match(stdout, /over 2,399 symbols \(all\), 50\.00? ?% of them unknown, one stream/)
})

t.test('hints', async (t) => {
  const rare = Array.from({ length: 3000 }, (_, i) => `w${(i * 7919) % 3000}`).join(' ')
  writeFileSync(join(cwd, 'many.txt'), `${rare} ${rare} ${rare}`)
  const out = ['--out', 'hints.safetensors', '--force']
  const many = ['train', 'text', 'many.txt', ...out, '--hidden', '64', '--layers', '1', '--steps', '1', '--valid', '0']
  const hint = async (...more: string[]) => {
    const records = await json(...many, '--batch', '2', '--length', '4', ...more)
    return records.find(({ event }) => event === 'hint')
  }
  const words = await hint('--vocabulary', 'word')
  t.match(words, {
    hint: 'large-output-layer',
    message: /because the vocabulary has 3,001 words: --vocabulary-size (\d+) makes that 50 %, --vocabulary bpe/
  })
  const [, size] = /--vocabulary-size (\d+)/.exec(words!.message as string)!
  t.equal(await hint('--vocabulary', 'word', '--vocabulary-size', size!), undefined, 'the remedy is one')
  t.match(await hint('--vocabulary', 'bpe'), { message: /byte pairs: --vocabulary-size \d+ makes that 50 %$/ })
})

t.test('refusals', async (t) => {
  const train = ['train', 'text', 'story.txt', '--out', 'new.safetensors', ...tiny]
  const refused: [string[], number, RegExp][] = [
    [
      [...train, '--vocabulary', 'word', '--vocabulary-size', '900'],
      1,
      /at most \d+ symbols.*\(--vocabulary-size\), or leave it out/
    ],
    [[...train, '--vocabulary-size', '900'], 1, /no size with the vocabulary character.*\(--vocabulary-size\)/],
    [[...train, '--vocabulary', 'syllable'], 2, /one of character, byte, word, bpe/],
    [[...train, '--vocabulary', 'bpe', '--vocabulary-size', '1'], 2, /from 2 to 262144 for --vocabulary-size/],
    [[...train, '--tokenizer', 'story.txt', '--vocabulary', 'word'], 2, /\(--tokenizer\)/],
    [[...train, '--tokenizer', 'story.txt'], 1, /tokenizer\.json.*ERR_FILE_FORMAT/],
    [['train', 'text', 'blank.txt', '--out', 'new.safetensors', '--vocabulary', 'word'], 1, /ERR_CORPUS_EMPTY/],
    [['sample', 'word.safetensors', '--prompt', 'zebra'], 1, /"zebra".*ERR_UNKNOWN_SYMBOL/]
  ]
  for (const [words, code, message] of refused) {
    const ended = await run(...words)
    t.equal(ended.code, code, ended.stderr)
    t.match(ended.stderr, message)
  }
})
