// Hostile files: small ones that would take minutes or gigabytes, long lines, FIFOs without a writer, devices. Each is read in a
// process with a small heap, and gives ink or a typed error in memory bounded by its size. Times bound what hangs: they are a
// hundred times what is needed.

import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { openFile } from '../../../src/data/files/open.js'
import { readWholeText } from '../../../src/data/files/whole-text.js'
import { readInk } from '../../../src/data/ink/read.js'
import { openCorpus } from '../../../src/data/text/corpus.js'
import { long, rounds } from '../../amounts.js'

const folder = t.testdir({})
const child = join(import.meta.dirname ?? '', 'child.mjs')

interface Ended {
  samples?: number
  symbols?: number
  code?: string
  message?: string
  mebibytes: number
  /** Processor time. */
  seconds: number
}

async function readInChild(path: string, how: 'ink' | 'corpus' = 'ink', delay = '-'): Promise<Ended> {
  return (await readAllInChild([path], how, delay))[0]!
}

/** Reads files in one process, one after the other. */
async function readAllInChild(paths: readonly string[], how: 'ink' | 'corpus' = 'ink', delay = '-'): Promise<Ended[]> {
  const env = { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' }
  const words = ['--expose-gc', '--max-old-space-size=256', child, how, delay, ...paths]
  const running = spawn(process.execPath, words, { env })
  const late = setTimeout(() => running.kill('SIGKILL'), 600_000)
  let output = ''
  running.stdout.on('data', (text) => (output += String(text)))
  const [code, signal] = await new Promise<[unknown, unknown]>((done) => running.on('close', (...end) => done(end)))
  clearTimeout(late)
  if (code !== 0)
    throw new Error(`${paths.join()} ended with ${String(code)} ${String(signal)} ${output.slice(0, 200)}`)
  return JSON.parse(output) as Ended[]
}

/** Writes `text` again and again up to `bytes`. */
function large(name: string, text: string, bytes: number, begin = '', end = ''): string {
  const path = join(folder, name)
  const file = openSync(path, 'w')
  writeSync(file, begin)
  const block = text.repeat(Math.ceil(2 ** 20 / text.length))
  for (let done = 0; done < bytes; done += block.length) writeSync(file, block)
  writeSync(file, end)
  closeSync(file)
  return path
}

function small(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

/** MiB that a process may take: a constant for modules, pieces and one sample, and the documented factor. */
const allowed = (path: string, unpacked = statSync(path).size) => 160 + (64 * unpacked) / 2 ** 20

t.test('gzip that unpacks a thousand times is refused before anything is built', async (t) => {
  const size = rounds(2 ** 25, 2 ** 25, 2 ** 26)
  const bombs = {
    lines: '\n'.repeat(size),
    lists: `[${'[],'.repeat(size / 3)}[]]`,
    points: `{"strokes":[[${'[0,0],'.repeat(size / 6)}[0,0]]]}`,
    numbers: `[${'0,'.repeat(size / 2)}0]`,
    ndjson: '{"strokes":[[[0,0],[0,0]]]}\n'.repeat(size / 28),
    unipen: `.PEN_DOWN\n${'0 0\n'.repeat(size / 4)}`,
    inkml: `<ink>${'<trace>0 0</trace>'.repeat(size / 18)}</ink>`
  }
  const paths = Object.entries(bombs).map(([name, text]) => small(`${name}.gz`, gzipSync(text, { level: 1 })))
  const all = await readAllInChild(paths)
  for (const [i, name] of Object.keys(bombs).entries()) {
    const { code, message, mebibytes } = all[i]!
    const path = paths[i]!
    t.match({ code, message }, { code: 'ERR_FILE_FORMAT', message: /at most 32 times its size/ }, name)
    t.ok(mebibytes < allowed(path), `${name}: ${mebibytes} MiB of ${allowed(path)}`)
  }
})

t.test('patterns that once took time in the square of their length', async (t) => {
  const many = 400_000
  const texts: Record<string, string> = {
    'digits.unp': `.PEN_DOWN\n${'1'.repeat(many)} 2\n`,
    'blanks.unp': `.PEN_DOWN\n1${' '.repeat(many)}2 3 4\n`,
    'quotes.unp': `.SEGMENT A 0 OK ${'"'.repeat(many + 1)}\n.PEN_DOWN\n1 2\n3 4\n`,
    'label.unp': `.SEGMENT A 0 OK "${'\\'.repeat(many)}\n.PEN_DOWN\n1 2\n3 4\n`,
    'digits.inkml': `<ink><trace>${'1'.repeat(many)} 2, 3 4</trace></ink>`,
    'blanks.inkml': `<ink><trace>1${' '.repeat(many)}2, 3 4</trace></ink>`,
    'commas.inkml': `<ink><trace>1 2${','.repeat(many)}</trace></ink>`,
    'entities.inkml': `<ink><trace>1 2, 3 ${'&#52;'.repeat(many)}</trace></ink>`,
    'attributes.inkml': `<ink>${'<trace a="1" b="2">1 2</trace>'.repeat(many / 40)}</ink>`,
    'deep.json': `${'['.repeat(many)}${']'.repeat(many)}`,
    'deep.inkml': '<ink>'.repeat(many),
    'blank.json': ' '.repeat(many),
    'laugh.inkml': `<!DOCTYPE ink [<!ENTITY a "${'x'.repeat(1000)}"><!ENTITY b "${'&a;'.repeat(1000)}">]><ink>&b;</ink>`
  }
  const paths = Object.entries(texts).map(([name, text]) => small(name, text))
  const all = await readAllInChild(paths)
  for (const [i, name] of Object.keys(texts).entries()) {
    const { samples, code, mebibytes, seconds } = all[i]!
    const path = paths[i]!
    t.ok(samples === 1 || code === 'ERR_FILE_FORMAT' || code === 'ERR_INVALID_INK', `${name}: ${code ?? samples}`)
    t.ok(mebibytes < allowed(path), `${name}: ${mebibytes} MiB`)
    t.ok(seconds < 20, `${name}: ${seconds} s`) // the square of 400,000 is minutes
  }
})

t.test('ink that references repeat does not multiply', async (t) => {
  const components = '.PEN_DOWN\n0 0\n.PEN_UP\n'.repeat(2 ** 14)
  const segments = (delineation: string) => `.SEGMENT W ${delineation}\n`.repeat(40_000)
  const points = '1 2, '.repeat(20_000)
  const views = (reference: string) => `<traceView traceDataRef="#${reference}"/>`.repeat(8)
  const nested = Array.from({ length: 20 }, (_, i) => `<traceView xml:id="v${i + 1}">${views(`v${i}`)}</traceView>`)
  const group = (view: string) => `<traceGroup><annotation type="truth">x</annotation>${view}</traceGroup>`
  const texts: Record<string, string> = {
    'components.unp': `${segments('0-16383')}${components}`,
    'cuts.unp': `${segments('0:0-0:39999')}.PEN_DOWN\n${'0 0\n'.repeat(40_000)}`,
    'views.inkml': `<ink><definitions><trace xml:id="t">${points}</trace></definitions>${group('<traceView traceDataRef="#t"/>').repeat(5000)}</ink>`,
    'nested.inkml': `<ink><definitions><trace xml:id="v0">1 2, 3 4</trace>${nested.join('')}</definitions>${group('<traceView traceDataRef="#v20"/>')}</ink>`
  }
  const paths = Object.entries(texts).map(([name, text]) => small(name, text))
  const all = await readAllInChild(paths)
  for (const [i, name] of Object.keys(texts).entries()) {
    const { code, mebibytes } = all[i]!
    const path = paths[i]!
    t.equal(code, 'ERR_FILE_FORMAT', name)
    t.ok(mebibytes < allowed(path), `${name}: ${mebibytes} MiB of ${allowed(path)}`)
  }
})

t.test(
  '100 MB in one line, or of the smallest samples, in bounded memory',
  { skip: !long && 'a long test' },
  async (t) => {
    const size = 100 * 2 ** 20
    const sample = '{"strokes":[[[0,0],[1,1]]]}'
    const files: [path: string, expected: RegExp][] = [
      [large('points.json', '[1,2],', size, '{"strokes":[[', '[1,2]]]}'), /ERR_FILE_FORMAT/],
      [large('text.json', 'x', size, '{"text":"', '"}'), /ERR_FILE_FORMAT/],
      [large('line.unp', '1 2 ', size, '.PEN_DOWN '), /ERR_FILE_FORMAT/],
      [large('trace.inkml', '1 2,', size, '<ink><trace>', '</trace></ink>'), /ERR_FILE_FORMAT/],
      [large('small.ndjson', `${sample}\n`, size), /ERR_OUT_OF_MEMORY/],
      [large('padded.json', `${' '.repeat(5000)}${sample},`, size, '[', `${sample}]`), /samples/],
      [large('strokes.unp', '.PEN_DOWN\n0 0\n.PEN_UP\n', size), /ERR_INVALID_INK/]
    ]
    for (const [path, expected] of files) {
      const ended = await readInChild(path)
      t.match(JSON.stringify(ended), expected)
      t.ok(ended.mebibytes < 900, `${path}: ${ended.mebibytes} MiB`)
    }
    const corpus = await readInChild(files[1]![0], 'corpus')
    t.ok(corpus.symbols! > size && corpus.mebibytes < 400, JSON.stringify(corpus))
  }
)

/** As AbortSignal.timeout, but its timer keeps the process alive. */
function abortedAfter(ms: number): AbortSignal {
  const controller = new AbortController()
  setTimeout(() => controller.abort(), ms)
  return controller.signal
}

const fifos = process.platform !== 'win32'

t.test('a FIFO without a writer ends with the caller', { skip: !fifos }, async (t) => {
  const path = join(folder, 'fifo')
  execFileSync('mkfifo', [path])
  for (const how of ['ink', 'corpus'] as const)
    t.match(await readInChild(path, how, '200'), { code: 'ERR_ABORTED' }, `${how}, and the process ends`)
  await t.rejects(readWholeText(path, { signal: abortedAfter(50) }), { code: 'ERR_ABORTED' })
  // The same with a writer that comes late, writes in pieces, and goes.
  const text = '{"strokes": [[[0, 0], [1, 2]]], "text": "late"}\n'
  const reading = readInk([path])
  const writer = spawn('sh', ['-c', `sleep 0.2; (printf '%s' '${text.slice(0, 9)}'; sleep 0.2; cat) > "${path}"`])
  writer.stdin.end(text.slice(9))
  t.equal((await reading)[0]!.text, 'late')
  const packed = readInk([path])
  spawn('sh', ['-c', `cat > "${path}"`]).stdin.end(gzipSync(text))
  t.equal((await packed)[0]!.text, 'late')
  await t.rejects(readInk(['-'], { stdin: silent(), signal: abortedAfter(50) }), { code: 'ERR_ABORTED' })
  await t.rejects(openCorpus(['-'], { stdin: silent(), signal: abortedAfter(50) }), { code: 'ERR_ABORTED' })
})

/** A stream that never sends anything. */
function silent(): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
}

t.test('devices, folders, circles of links, and files that change', { skip: !fifos }, async (t) => {
  for (const path of ['/dev/zero', folder]) await t.rejects(openFile(path), { code: 'ERR_FILE_NOT_FOUND' })
  await t.rejects(readWholeText('/dev/zero'), { code: 'ERR_FILE_NOT_FOUND' })
  await t.rejects(readInk(['/dev/zero']), { code: 'ERR_FILE_NOT_FOUND' })
  const circle = join(folder, 'circle')
  mkdirSync(circle)
  symlinkSync('self', join(circle, 'self'))
  symlinkSync('.', join(circle, 'dot'))
  await t.rejects(readInk([join(circle, 'self')]), {
    code: 'ERR_FILE_NOT_FOUND',
    message: /symbolic links that lead to each other/
  })
  writeFileSync(join(circle, 'a.ndjson'), '{"strokes": [[[0, 0], [1, 2]]]}\n'.repeat(40_000))
  t.equal((await readInk([circle])).length, 40_000, 'links in folders are not followed')
  const grows = setInterval(() => appendFileSync(join(circle, 'a.ndjson'), '{"strokes": [[[0, 0], [1, 2]]]}\n'), 1)
  try {
    await t.rejects(readInk([join(circle, 'a.ndjson')]), {
      code: 'ERR_FILE_FORMAT',
      message: /does not change while it is read/
    })
    await t.rejects(openCorpus([join(circle, 'a.ndjson')]), {
      code: 'ERR_FILE_FORMAT',
      message: /does not change while it is read/
    })
  } finally {
    clearInterval(grows)
  }
})
