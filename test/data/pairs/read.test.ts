// Pairs of sentences from TSV files and pairs of files, and every fault of a line with its file, line and code.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { groupBySource, plainSentence } from '../../../src/data/pairs/pairs.js'
import { readPairs, type ReadPairsOptions } from '../../../src/data/pairs/read.js'
import type { GatecellError } from '../../../src/errors.js'

function files(t: Test, contents: Record<string, string | Uint8Array>): (name: string) => string {
  const folder = t.testdir()
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return (name) => join(folder, name)
}

const texts = async (names: string[], options?: ReadPairsOptions) =>
  (await readPairs(names, options)).map(({ source, target }) => `${source}|${target}`)

t.test('tables', async (t) => {
  const at = files(t, {
    'a.tsv': '\ufeffHi.\tSalut !\r\nRun.\tCours\u202f!\n',
    'b.tsv.gz': gzipSync('1\tGo.\tVa.\tCC-BY\n2\tFire!\tAu feu !\tCC-BY'),
    'folder/one.tsv': 'a\tb\n',
    'folder/two.tsv': 'c\td\n'
  })
  t.same(await readPairs([at('a.tsv')]), [
    { source: 'Hi.', target: 'Salut !', path: at('a.tsv'), line: 1 },
    { source: 'Run.', target: 'Cours\u202f!', path: at('a.tsv'), line: 2 }
  ])
  t.same(await texts([at('b.tsv.gz')], { columns: [3, 2] }), ['Va.|Go.', 'Au feu !|Fire!'])
  t.same(await texts([at('folder'), at('a.tsv')]), ['a|b', 'c|d', 'Hi.|Salut !', 'Run.|Cours\u202f!'])
  t.same(await texts(['-'], { stdin: Readable.from([Buffer.from('x\t'), Buffer.from('y\n')]) }), ['x|y'])
})

t.test('a table is known by its first line with a text', async (t) => {
  const folder = t.testdir({
    'empty.tsv': '\n \none\tun\n',
    'latin.tsv': Buffer.from('caf\xe9\tcoffee\none\tun\n', 'latin1'),
    'long.tsv': `${'a'.repeat(2 ** 16 + 1)}\n`
  })
  const codes: string[] = []
  const onBad = ({ code }: { code: string }) => void codes.push(code)
  for (const name of ['empty.tsv', 'latin.tsv'])
    t.match(await readPairs([join(folder, name)], { onBad }), [{ source: 'one', target: 'un' }])
  t.same(codes, ['ERR_FILE_FORMAT', 'ERR_FILE_FORMAT', 'ERR_CORPUS_BINARY'])
  await t.rejects(readPairs([join(folder, 'long.tsv')]), { message: /a line of at most 65536 bytes at line 1 of/ })
})

t.test('pairs of files', async (t) => {
  const at = files(t, { 'x.en': 'one\ntwo', 'x.fr': 'un\ndeux\n', 'y.en.gz': gzipSync('three\n'), 'y.fr': 'trois\n' })
  t.same(await texts([at('x.en'), at('x.fr')]), ['one|un', 'two|deux'])
  t.same(await texts([at('x.fr'), at('x.en'), at('y.fr'), at('y.en.gz')]), ['un|one', 'deux|two', 'trois|three'])
  t.same(await texts([at('x'), at('y')], { languages: ['en', 'fr'] }), ['one|un', 'two|deux', 'three|trois'])
  const [last] = (await readPairs([at('x.en'), at('x.fr')])).slice(-1)
  t.same([last!.path, last!.line], [at('x.en'), 2])
  await t.rejects(texts([at('x'), at('z')], { languages: ['en', 'fr'] }), {
    code: 'ERR_FILE_NOT_FOUND',
    message: /z\.en/
  })
})

t.test('a line that is not a pair', async (t) => {
  const long = 'word '.repeat(10_000)
  const bad: [name: string, line: string | Uint8Array, code: string, message: RegExp][] = [
    [
      'a missing tab',
      'no tab',
      'ERR_FILE_FORMAT',
      /2 columns, as in the lines before, at line 2 of .*a\.tsv but received 1/
    ],
    ['a third column', 'a\tb\tc', 'ERR_FILE_FORMAT', /2 columns.*received 3/],
    ['no source', ' \tb', 'ERR_FILE_FORMAT', /a sentence on both sides at line 2.*a translation without its source/],
    ['no translation', 'a\t\u00a0', 'ERR_FILE_FORMAT', /received a source without its translation/],
    ['an empty line', '', 'ERR_FILE_FORMAT', /at line 2 of .*a\.tsv but received an empty line/],
    ['10,000 words', `${long}\t${long}`, 'ERR_FILE_FORMAT', /a line of at most 65536 bytes at line 2/],
    ['Latin-1', Buffer.from('caf\xe9\tcoffee', 'latin1'), 'ERR_CORPUS_BINARY', /UTF-8 text at line 2 .* other bytes/],
    ['a surrogate', Buffer.from([0xed, 0xa0, 0x80, 9, 65]), 'ERR_CORPUS_BINARY', /at line 2/],
    ['NUL', 'a\0\tb', 'ERR_CORPUS_BINARY', /at line 2/]
  ]
  for (const [name, line, code, message] of bad)
    await t.test(name, async (t) => {
      const at = files(t, { 'a.tsv': 'one\tun\n' })
      appendFileSync(at('a.tsv'), line)
      appendFileSync(at('a.tsv'), '\nthree\ttrois\n')
      await t.rejects(readPairs([at('a.tsv')]), { code, message })
      const errors: GatecellError[] = []
      const left = await readPairs([at('a.tsv')], { onBad: (error) => errors.push(error) })
      t.same(left.map(({ source, line }) => [source, line]), [['one', 1], ['three', 3]]) // prettier-ignore
      t.same(errors.map((error) => error.code), [code]) // prettier-ignore
    })
})

t.test('a fault of one of two files', async (t) => {
  const at = files(t, { en: 'one\n\ntwo\n', fr: Buffer.concat([Buffer.from('un\nquoi\n'), Buffer.from([0xff, 10])]) })
  await t.rejects(readPairs([at('en'), at('fr')]), { message: /line 2 of .*en but received a translation without/ })
  const errors: GatecellError[] = []
  t.equal((await readPairs([at('en'), at('fr')], { onBad: (error) => errors.push(error) })).length, 1)
  t.match(errors[1], { code: 'ERR_CORPUS_BINARY', message: /line 3 of .*fr/ })
})

t.test('a fault of a whole file', async (t) => {
  const at = files(t, {
    'x.en': 'one\ntwo\n',
    'x.fr': 'un\n',
    'wide.tsv': Buffer.from('\ufeffa\tb\n', 'utf16le'),
    'good.tsv': 'a\tb\n',
    'empty.tsv': '',
    'bomb.tsv.gz': gzipSync('a\tb\n'.repeat(2 ** 20)),
    'folder/a.tsv': 'a\tb\n',
    'folder/readme': 'about\n'
  })
  const refused = async (names: string[], code: string, message: RegExp) =>
    await t.rejects(readPairs(names.map(at), { onBad: () => t.fail('not a fault of a line') }), { code, message })
  await refused(['x.en', 'x.fr'], 'ERR_FILE_FORMAT', /2 lines in .*x\.fr, as in .*x\.en, but received 1/)
  await refused(
    ['x.en'],
    'ERR_FILE_FORMAT',
    /a source, a tab and its translation at line 1 of .*x\.en but received "one"/
  )
  await refused(['x.en', 'good.tsv'], 'ERR_FILE_FORMAT', /at line 1 of .*x\.en/)
  await refused(['x.en', 'folder'], 'ERR_FILE_FORMAT', /at line 1 of .*x\.en/)
  await refused(['wide.tsv'], 'ERR_CORPUS_BINARY', /received UTF-16/)
  await refused(['empty.tsv'], 'ERR_CORPUS_EMPTY', /pairs of sentences in .*empty\.tsv/)
  await refused(['bomb.tsv.gz'], 'ERR_FILE_FORMAT', /32 times its size/)
  await refused(['none.tsv'], 'ERR_FILE_NOT_FOUND', /none\.tsv/)
  await t.rejects(readPairs([at('folder')]), { code: 'ERR_FILE_FORMAT', message: /readme but received "about"/ })
  const left: (string | undefined)[] = []
  t.same(await texts([at('folder')], { onBad: (_, file) => left.push(file) }), ['a|b'])
  t.same(left, [at('folder/readme')])
  await t.rejects(readPairs([at('good.tsv')], { columns: [1, 3] }), { message: /a column 3 at line 1 .* received 2/ })
  await t.rejects(readPairs([at('good.tsv')], { columns: [1, 1] }), { code: 'ERR_INVALID_ARGUMENT' })
  await t.rejects(readPairs([at('good.tsv')], { signal: AbortSignal.abort() }), { code: 'ERR_ABORTED' })
})

t.test('lines across pieces', async (t) => {
  const text = Array.from({ length: 200 }, (_, i) => `source ${i} é\ttarget ${i} 日本\r\n`).join('')
  const bytes = Buffer.from(text)
  for (const size of [1, 7, 64]) {
    const pieces = function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    }
    const read = await readPairs(['-'], { stdin: Readable.from(pieces()) })
    t.equal(read.map(({ source, target }) => `${source}\t${target}\r\n`).join(''), text)
  }
})

t.test('groups and plain sentences', async (t) => {
  const pair = (source: string, target: string) => ({ source, target })
  t.same(groupBySource([pair('a', '1'), pair('b', '2'), pair('a', '3'), pair('a', '1')]), [
    { source: 'a', targets: ['1', '3', '1'] },
    { source: 'b', targets: ['2'] }
  ])
  t.equal(plainSentence(' L\u2019e\u0301te\u0301\u202f!\u200b\x85\ufeff '), "L'été !")
  t.equal(plainSentence('你\u3000好'), '你 好')
})
