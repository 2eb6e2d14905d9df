// The examples of the README work: its shell lines on a small text, its programs unchanged.

import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { inkSamples, ndjson } from '../ink-samples.js'
import { gatecell, root, story } from './command.js'

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map((found) => found[1]!)

// Inside the package, so that its programs find it under its own name.
const cwd = join(t.testdirName, 'readme')
t.testdir()
mkdirSync(cwd, { recursive: true })
writeFileSync(join(cwd, 'shakespeare.txt'), `ROMEO:\n${story(8000)}`)
const [one, ...others] = inkSamples(60)
writeFileSync(join(cwd, 'words.ndjson.gz'), gzipSync(ndjson(others)))
writeFileSync(join(cwd, 'mine.ndjson'), ndjson([one!]))
writeFileSync(join(cwd, 'words.txt'), 'lv\nzt\n')
const traces = one!.strokes.map((stroke) => `<trace>${stroke.map(([x, y]) => `${x} ${-y!}`).join(', ')}</trace>`)
writeFileSync(join(cwd, 'note.inkml'), `<ink>${traces.join('')}</ink>`)

t.test('shell lines', async (t) => {
  const lines = blocks('sh').flatMap((block) => block.match(/^npx gatecell .*$/gm) ?? [])
  t.ok(lines.length >= 5)
  for (const line of lines) {
    const words = [...line.replace('npx gatecell ', '').matchAll(/'([^']*)'|(\S+)/g)].map((word) => word[1] ?? word[2]!)
    // A second and a small network instead of three minutes: what is tested is that the words are understood.
    const instead: Record<string, string> = { '180s': '1s', '25m': '1s', '256': '16', hello: 'lvz' }
    const small = words.map((word) => instead[word] ?? word)
    const { code, stderr, stdout } = await gatecell(small, { cwd })
    t.equal(code, 0, `${line}: ${stderr}`)
    t.not(stdout, '')
  }
})

t.test('programs', async (t) => {
  const programs = blocks('ts')
  t.ok(programs.length >= 2)
  const outputs: string[] = []
  for (const [number, program] of programs.entries()) {
    const file = join(cwd, `program${number}.mjs`)
    writeFileSync(file, program)
    const { NODE_OPTIONS: _, ...env } = process.env
    outputs.push((await promisify(execFile)(process.execPath, [file], { cwd, env })).stdout)
  }
  t.match(outputs[0], /^bcdefghijklmnopqrstuvwxyz/)
  t.equal(outputs[1]!.length, 500)
})

t.test('recipes that it names are there, and the checksums are theirs', async (t) => {
  for (const [, name] of readme.matchAll(/^\| `([a-z0-9-]+)` \| \d x/gm)) {
    const recipe = JSON.parse(readFileSync(join(root, 'bench', 'recipes', `${name!}.json`), 'utf8')) as {
      data: { sha256: string }
    }
    t.ok(readme.includes(recipe.data.sha256), name!)
  }
})
