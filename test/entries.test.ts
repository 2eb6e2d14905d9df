// The entries of the package: the names that programs import, and the packages that importing them loads.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { entries } from './border/entries.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, unknown> }
const specifiers = Object.keys(exports)
  .filter((key) => key !== './package.json')
  .map((key) => `gatecell${key.slice(1)}`)

t.test('the entries of package.json are those that hostile calls and api.md go through', async (t) => {
  t.strictSame(
    Object.keys(entries).map((name) => `gatecell${name && '/'}${name}`),
    specifiers
  )
})

t.test('importing an entry loads the packages that it needs at once, and no others', async (t) => {
  // The files of both dialects have the same imports; those that CommonJS has loaded can be listed.
  const program = `
    const before = new Set(Object.keys(require.cache)) // what tap loads into every process
    require(process.argv[1])
    const files = Object.keys(require.cache).filter((file) => !before.has(file))
    const found = files.map((file) => /.*node_modules.((@[^/]+.)?[^/]+)/.exec(file)?.[1])
    console.log(JSON.stringify([...new Set(found)].filter((name) => name !== undefined).sort()))`
  // Ink in XML is parsed by a synchronous function, which can import its parser only at the top of a file.
  // MIDI files are read and written by synchronous functions.
  // Times of series are made by a synchronous function, and dates need zones.
  const needed: Record<string, string[]> = {
    'gatecell/forecast': ['luxon'],
    'gatecell/music': ['midi-file'],
    'gatecell/handwriting-recognition': ['saxes', 'xmlchars'],
    'gatecell/handwriting-synthesis': ['saxes', 'xmlchars'],
    'gatecell/ink': ['saxes', 'xmlchars']
  }
  for (const specifier of specifiers) {
    const printed = execFileSync(process.execPath, ['-e', program, specifier], { cwd: root, encoding: 'utf8' })
    t.strictSame(JSON.parse(printed), needed[specifier] ?? [], specifier)
  }
})
