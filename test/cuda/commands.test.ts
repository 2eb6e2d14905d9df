// Every command that makes or loads a model takes --device, and prints the same on the device as on the processor.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gatecell, story } from '../cli/command.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { library } from './device.js'

const { skip } = library
const cwd = t.testdir({
  'text.txt': story(2500),
  'short.txt': story(150),
  'ink.ndjson': ndjson(inkSamples(8)),
  'one.ndjson': ndjson(inkSamples(1))
})
const env = { GATECELL_CUDA_LIBRARY: library.file ?? '' }
const run = async (...words: string[]) => await gatecell(words, { cwd, env })
const small = '--hidden 6 --batch 2 --steps 3 --threads 1 --device cuda --json'.split(' ')

/** Trains on the device and returns the first record. */
async function train(t: Test, ...words: string[]) {
  const { code, stderr, records } = await run('train', ...words, ...small)
  t.equal(code, 0, stderr)
  t.match(records.at(-1), { event: 'end', steps: 3 })
  return records[0]!
}

/** Returns the records of a command on either device, without times. */
async function both(t: Test, ...words: string[]) {
  const said = await Promise.all(['cpu', 'cuda'].map((device) => run(...words, '--device', device, '--json')))
  for (const { code, stderr } of said) t.equal(code, 0, stderr)
  const [cpu, cuda] = said.map(({ records }) =>
    records.map((record) => {
      const { seconds: _, tokens_per_second: __, waiting: ___, ...rest } = record
      return rest
    })
  )
  t.ok(cpu!.length > 0)
  t.ok(near(cuda, cpu), `${words[0]!}: ${JSON.stringify(cuda).slice(0, 200)}`)
}

/** The same, up to what sums in another order differ by. */
function near(found: unknown, wanted: unknown): boolean {
  if (typeof found === 'number' && typeof wanted === 'number')
    return Math.abs(found - wanted) <= 1e-4 * Math.max(1, Math.abs(wanted))
  if (typeof found !== 'object' || found === null || typeof wanted !== 'object' || wanted === null)
    return found === wanted
  const names = Object.keys(wanted)
  return (
    names.length === Object.keys(found).length &&
    names.every((name) => near((found as Record<string, unknown>)[name], (wanted as Record<string, unknown>)[name]))
  )
}

t.test('a text model', { skip }, async (t) => {
  await train(t, 'text', 'text.txt', '--out', 'text.safetensors', '--length', '8', '--layers', '1')
  await both(t, 'sample', 'text.safetensors', '--length', '20')
  await both(t, 'evaluate', 'text.safetensors', 'short.txt')
})

t.test('a reader', { skip }, async (t) => {
  await train(t, 'handwriting-recognition', 'ink.ndjson', '--out', 'reader.safetensors')
  await both(t, 'read', 'reader.safetensors', 'one.ndjson', '--beam', '4')
  await both(t, 'evaluate', 'reader.safetensors', 'one.ndjson')
})

t.test('a writer', { skip }, async (t) => {
  await train(t, 'handwriting-synthesis', 'ink.ndjson', '--out', 'writer.safetensors', '--gaussians', '2')
  await both(t, 'write', 'writer.safetensors', 'lv', '--points', '6')
  await both(t, 'evaluate', 'writer.safetensors', 'one.ndjson')
})

t.test('a device that is not there is refused before anything else', async (t) => {
  const absent = { GATECELL_CUDA_LIBRARY: join(cwd, 'none.so') }
  for (const words of [
    ['sample', 'none'],
    ['evaluate', 'none', 'none'],
    ['read', 'none', 'none'],
    ['write', 'none', 'x'],
    ['tour'],
    ['bench', 'sample'],
    ['train', 'text', 'none', '--out', 'none']
  ]) {
    const { code, stderr } = await gatecell([...words, '--device', 'cuda'], { cwd, env: absent })
    t.not(code, 0)
    t.match(stderr, /Expected a device that is there/, words[0]!)
  }
})
