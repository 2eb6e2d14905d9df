// Corpora: the ids are those of the text, in memory or in a file, gzipped or not; binary data is refused or left out.
import { spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { openCorpus, type Corpus, type CorpusOptions } from '../../../src/data/text/corpus.js'
import type { SkipReason } from '../../../src/data/files/resolve.js'
import { tokensOf, type Tokens } from '../../../src/data/text/tokens.js'
import { vocabularyFromText } from '../../../src/data/text/vocabulary.js'

const posix = process.platform !== 'win32'

function textOf(corpus: Corpus, tokens: Tokens): string {
  const ids = new Int32Array(tokens.length)
  tokens.read(0, ids.length, ids)
  return corpus.vocabulary.decode(ids)
}

async function reportSkips(inputs: string[], options: CorpusOptions = {}): Promise<[string, string[]]> {
  const skipped: [string, SkipReason][] = []
  const corpus = await openCorpus(inputs, { ...options, onSkip: (path, reason) => skipped.push([path, reason]) })
  return [textOf(corpus, corpus.all), skipped.map(([path, reason]) => `${path.split('/').at(-1)} ${reason}`).sort()]
}

t.test('any text comes back, in memory and from a file, plain and gzipped, from several files', async (t) => {
  const folder = t.testdir({})
  const [plain, zipped] = [join(folder, 'plain'), join(folder, 'zipped')]
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(0, 1e6),
      fc.constantFrom('character' as const, 'byte' as const),
      async (first, second, memoryBytes, vocabulary) => {
        fs.writeFileSync(plain, first)
        fs.writeFileSync(zipped, gzipSync(second))
        const corpus = await openCorpus([plain, zipped], { memoryBytes, vocabulary })
        const same = textOf(corpus, corpus.all) === first + second && corpus.cached === (memoryBytes === 0)
        corpus.close()
        return same
      }
    ),
    { numRuns: 60 }
  )
})

t.test('the shares of a text', async (t) => {
  const text = Array.from({ length: 1001 }, (_, index) => 'abcdefghij'[index % 10]).join('')
  const folder = t.testdir({ text, other: 'xyz' })
  const open = (options: CorpusOptions): Promise<Corpus> => openCorpus([join(folder, 'text')], options)
  const lengths = ({ train, valid, test, all }: Corpus): number[] => [
    train.length,
    valid.length,
    test.length,
    all.length
  ]
  const corpus = await open({})
  t.strictSame(lengths(corpus), [900, 101, 0, 1001], 'the last tenth, as int(n * 0.9) cuts it')
  t.equal(textOf(corpus, corpus.valid), text.slice(900))
  t.strictSame(lengths(await open({ valid: 0.1, test: 0.1 })), [800, 100, 101, 1001])
  t.strictSame(lengths(await open({ valid: 0.05, test: 0.05 })), [900, 50, 51, 1001])
  t.strictSame(lengths(await open({ valid: 0 })), [1001, 0, 0, 1001])
  const split = await open({ validFiles: [join(folder, 'other')], test: 0.1 })
  t.strictSame(lengths(split), [900, 3, 101, 1004])
  t.equal(textOf(split, split.valid), 'xyz')
  t.equal(textOf(split, split.test), text.slice(900))
  for (const shares of [{ valid: 1 }, { valid: -0.1 }, { valid: NaN }, { valid: 0.5, test: 0.5 }]) {
    await t.rejects(open(shares), { code: 'ERR_INVALID_ARGUMENT' })
  }
})

t.test('line ends stay, a byte order mark goes, files follow each other as they are', async (t) => {
  const folder = t.testdir({ a: '\ufeffone\r\ntwo', b: '\ufeffthree\r\n' })
  const corpus = await openCorpus([join(folder, 'a'), join(folder, 'b')])
  t.equal(textOf(corpus, corpus.all), 'one\r\ntwothree\r\n')
  t.strictSame(corpus.files, [join(folder, 'a'), join(folder, 'b')])
})

t.test('a minimum count, and a vocabulary that exists', async (t) => {
  const folder = t.testdir({ text: 'aaaabbbc', other: 'abcé' })
  const corpus = await openCorpus([join(folder, 'text')], { minCount: 2 })
  t.equal(corpus.vocabulary.size, 3)
  t.equal(textOf(corpus, corpus.all), 'aaaabbb\ufffd')
  const known = await openCorpus([join(folder, 'other')], { vocabulary: corpus.vocabulary })
  t.equal(textOf(known, known.all), 'ab\ufffd\ufffd')
  const strict = vocabularyFromText('ab')
  const message = /'c' \(U\+0063\), 'é' \(U\+00E9\):/
  await t.rejects(openCorpus([join(folder, 'other')], { vocabulary: strict }), { code: 'ERR_UNKNOWN_SYMBOL', message })
})

t.test('vocabularies of many symbols', async (t) => {
  for (const size of [256, 257, 66_000]) {
    const text = Array.from({ length: size }, (_, index) =>
      String.fromCodePoint(index < 0xd000 ? index + 1 : index + 0x3000)
    ).join('')
    const path = join(t.testdir({ text }), 'text')
    for (const memoryBytes of [0, 1e9]) {
      const corpus = await openCorpus([path], { memoryBytes })
      t.equal(corpus.vocabulary.size, size)
      t.equal(textOf(corpus, corpus.all), text)
      corpus.close()
    }
  }
})

t.test('what is no text is an error where it is named and left out where it is found', async (t) => {
  const folder = t.testdir({ 'a.txt': 'text ', 'z.txt': 'more' })
  const late = Buffer.concat([Buffer.alloc(600_000, 0x61), Buffer.of(0), Buffer.alloc(10, 0x62)])
  const files: Record<string, Buffer> = {
    nul: Buffer.from('ab\0cd'),
    late,
    latin1: Buffer.from('caf\xe9 au lait', 'latin1'),
    cut: Buffer.from('é').subarray(0, 1),
    utf16: Buffer.from('\ufefftext', 'utf16le'),
    'nul.gz': gzipSync('ab\0cd')
  }
  for (const [name, bytes] of Object.entries(files)) {
    fs.writeFileSync(join(folder, name), bytes)
    await t.rejects(openCorpus([join(folder, name)]), { code: 'ERR_CORPUS_BINARY', message: new RegExp(name) }, name)
    const asBytes = await openCorpus([join(folder, name)], { vocabulary: 'byte' })
    t.ok(asBytes.all.length >= 1, `${name} as bytes`)
  }
  const zipped = gzipSync('whole text')
  const damaged: Record<string, Buffer> = {
    'cut.gz': zipped.subarray(0, -3),
    'crc.gz': Buffer.from(zipped).fill(7, zipped.length - 8, zipped.length - 4),
    'none.gz': Buffer.from('no gzip')
  }
  for (const [name, bytes] of Object.entries(damaged)) {
    fs.writeFileSync(join(folder, name), bytes)
    await t.rejects(openCorpus([join(folder, name)]), { code: 'ERR_FILE_FORMAT', message: new RegExp(name) }, name)
  }
  const [text, skipped] = await reportSkips([folder])
  t.equal(text, 'text more')
  const binary = Object.keys(files).map((name) => `${name} binary`)
  t.strictSame(skipped, [...binary, ...Object.keys(damaged).map((name) => `${name} damaged`)].sort())
  const [, skippedAsBytes] = await reportSkips([folder], { vocabulary: 'byte' })
  t.ok(skippedAsBytes.includes('nul binary'))
  t.notOk(skippedAsBytes.includes('latin1 binary'))
})

t.test('empty and missing corpora', async (t) => {
  const folder = t.testdir({ empty: '', 'empty.gz': '', binary: '\0', text: 'text' })
  const empty = { code: 'ERR_CORPUS_EMPTY' }
  await t.rejects(openCorpus([join(folder, 'empty')]), empty)
  await t.rejects(openCorpus([join(folder, 'empty'), join(folder, 'empty.gz')], { vocabulary: 'byte' }), empty)
  await t.rejects(openCorpus([]), empty)
  await t.rejects(openCorpus([join(folder, 'text')], { validFiles: [join(folder, 'empty')] }), empty)
  await t.rejects(openCorpus([join(folder, 'missing')]), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('standard input, read once and then twice', async (t) => {
  const pieces = (...parts: (string | Buffer)[]): Readable => Readable.from(parts.map((part) => Buffer.from(part)))
  const text = Buffer.from('héllo wörld')
  const corpus = await openCorpus(['-'], { stdin: pieces(text.subarray(0, 2), text.subarray(2)), memoryBytes: 0 })
  t.equal(textOf(corpus, corpus.all), 'héllo wörld')
  t.strictSame(corpus.files, ['-'])
  corpus.close()
  const zipped = await openCorpus(['-'], { stdin: pieces(gzipSync('zipped')) })
  t.equal(textOf(zipped, zipped.all), 'zipped')
  await t.rejects(openCorpus(['-'], { stdin: pieces('a\0') }), { code: 'ERR_CORPUS_BINARY' })
  await t.rejects(openCorpus(['-'], { stdin: pieces() }), { code: 'ERR_CORPUS_EMPTY' })
})

t.test('a pipe', { skip: !posix }, async (t) => {
  const pipe = join(t.testdir({}), 'pipe')
  spawnSync('mkfifo', [pipe])
  spawn('sh', ['-c', 'echo from a pipe > "$0"', pipe])
  const corpus = await openCorpus([pipe])
  t.equal(textOf(corpus, corpus.all), 'from a pipe\n')
})

t.test('aborting', async (t) => {
  const path = join(t.testdir({ text: 'text' }), 'text')
  const aborted = { code: 'ERR_ABORTED' }
  await t.rejects(openCorpus([path], { signal: AbortSignal.abort() }), aborted)
  const silent = new Readable({ read() {} })
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 10)
  await t.rejects(
    openCorpus(['-'], { stdin: silent, signal: controller.signal }),
    aborted,
    'while standard input is silent'
  )
  const during = new AbortController()
  const large = join(t.testdir({ text: 'x'.repeat(2e6) }), 'text')
  await t.rejects(openCorpus([large], { signal: during.signal, onProgress: () => during.abort() }), aborted)
})

t.test('progress counts the bytes on the disk, once a pass', async (t) => {
  const folder = t.testdir({ a: 'x'.repeat(600_000) })
  fs.writeFileSync(join(folder, 'b'), gzipSync('y'.repeat(300_000)))
  const total = fs.statSync(join(folder, 'a')).size + fs.statSync(join(folder, 'b')).size
  const last: Record<string, number> = {}
  await openCorpus([folder], {
    onProgress({ phase, bytes, totalBytes }) {
      t.ok(totalBytes === total && bytes >= (last[phase] ?? 0))
      last[phase] = bytes
    }
  })
  t.strictSame(last, { count: total, encode: total })
})

t.test('a file that changes between the passes', async (t) => {
  const path = join(t.testdir({ text: 'x'.repeat(1000) }), 'text')
  const changes: [string, string][] = [
    ['x'.repeat(2000), 'ERR_FILE_FORMAT'],
    ['x', 'ERR_FILE_FORMAT'],
    ['é'.repeat(500), 'ERR_UNKNOWN_SYMBOL']
  ]
  for (const [text, code] of changes) {
    fs.writeFileSync(path, 'x'.repeat(1000))
    let changed = false
    // The first progress of the second pass comes after its first three bytes.
    const onProgress = ({ phase }: { phase: string }): void => {
      if (phase === 'encode' && !changed) fs.writeFileSync(path, text)
      changed = phase === 'encode'
    }
    await t.rejects(openCorpus([path], { onProgress }), { code })
  }
})

t.test('tokens: ranges, slices, and nothing after close', async (t) => {
  const path = join(t.testdir({ text: 'abcdefghij' }), 'text')
  const cached = await openCorpus([path], { memoryBytes: 0 })
  for (const tokens of [cached.all, tokensOf([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]) {
    const into = new Int32Array(6).fill(-1)
    tokens.slice(2, 9).slice(1, 6).read(1, 3, into, 2)
    t.strictSame([...into], [-1, -1, 4, 5, 6, -1])
    tokens.read(10, 0, into)
    for (const [begin, length, at] of [
      [-1, 1, 0],
      [10, 1, 0],
      [0, -1, 0],
      [0.5, 1, 0],
      [0, 7, 0],
      [0, 2, 5],
      [NaN, 1, 0],
      [0, 2 ** 53, 0]
    ] as const) {
      t.throws(() => tokens.read(begin, length, into, at), { code: 'ERR_OUT_OF_RANGE' }, `${begin} ${length} ${at}`)
    }
    t.throws(() => tokens.slice(3, 11), { code: 'ERR_OUT_OF_RANGE' })
    t.throws(() => tokens.slice(3, 2), { code: 'ERR_OUT_OF_RANGE' })
  }
  cached.close()
  cached.close()
  t.throws(() => cached.all.read(0, 1, new Int32Array(1)), { code: 'ERR_DISPOSED' })
})

t.test('the cache leaves no file behind, and a folder that cannot take it is named', async (t) => {
  const folder = t.testdir({ text: 'abc', cache: {} })
  const cacheDir = join(folder, 'cache')
  const corpus = await openCorpus([join(folder, 'text')], { memoryBytes: 0, cacheDir })
  if (posix) t.strictSame(fs.readdirSync(cacheDir), [])
  corpus.close()
  t.strictSame(fs.readdirSync(cacheDir), [])
  const refused = { code: 'ERR_FILE_WRITE', message: /cache/ }
  const missing = join(folder, 'missing')
  await t.rejects(openCorpus([join(folder, 'text')], { memoryBytes: 0, cacheDir: missing }), refused)
  await t.rejects(openCorpus(['-'], { stdin: Readable.from([Buffer.from('a')]), cacheDir: missing }), refused)
})
