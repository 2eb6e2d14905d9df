// The uses of models as programs call them: the records have the form that their declarations describe, and a request without files gives the
// records of the command line.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { EventRecord, JsonObject } from '../../src/io/json.js'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import { exactCheck, isSetting } from '../../src/settings/index.js'
import { tasks } from '../../src/tasks/registry.js'
import { inputFromJson } from '../../src/tasks/request.js'
import { inputOf, verbSchemas, type Verb, type VerbContext } from '../../src/tasks/verb.js'
import { inProcess } from '../cli/in-process.js'
import { inkSamples, ndjson } from '../ink-samples.js'
import { pngOf, shapePictures } from './captions/pictures.js'
import { csvOf, monthly } from './forecast/samples.js'
import { models, save } from './small-models.js'

const samples = inkSamples(3)
const story = 'abc\ncab\n'.repeat(20)
const sales = csvOf({ sales: monthly(120) })
const png = await pngOf(shapePictures(1)[0]!.picture)
const cwd = t.testdir({
  'image.png': png,
  'sales.csv': sales,
  'text.txt': story,
  'ink.ndjson': ndjson(samples),
  'words.txt': 'lv\nxx\n'
})
const at = (task: string) => join(cwd, `${task}.safetensors`)
const uses = tasks.flatMap((task) =>
  [...task.verbs, ...(task.tracing ? [task.tracing] : [])].map((verb) => ({ task: task.id, verb }))
)
const useOf = (name: string) => uses.find(({ verb }) => verb.name === name)!.verb
const context: VerbContext = {
  signal: new AbortController().signal,
  pieces: false,
  engine: { device: 'cpu' },
  stdin: () => process.stdin,
  openModel: (name) => openCheckpoint(at(name))
}

/** Runs a use on the model of a task. */
async function recordsOf(
  task: string,
  verb: Verb,
  json: JsonObject,
  how: Partial<VerbContext> = {}
): Promise<EventRecord[]> {
  const input = inputFromJson(verb, json)
  const file = await openCheckpoint(at(task))
  try {
    const { load, run } = await verb.code()
    using model = await load(file, context.engine)
    const records: EventRecord[] = []
    for await (const record of run(model, input, { ...context, ...how })) records.push(record)
    return records
  } finally {
    await file.close()
  }
}

/** Returns records without their times, as JSON. */
const timeless = (records: readonly object[]) =>
  JSON.parse(JSON.stringify(records, (name, value: unknown) => (/second/.test(name) ? 0 : value))) as EventRecord[]

t.before(async () => {
  for (const { id } of tasks) await save(models[id]!(8), at(id))
})

/** For each use: its input as JSON, and the words of a command line that give the same. */
const calls: Record<string, { json: JsonObject; words: string }> = {
  'numbers continue': {
    json: { terms: ['6', '-7', '8'], count: 2, choices: 1 },
    words: 'continue MODEL 6 -7 8 --count 2 --choices 1'
  },
  'numbers trace': {
    json: { terms: ['6', '7', '/', '2', '4'], cells: 2 },
    words: 'trace MODEL 6 7 / 2 4 --cells 2'
  },
  'music compose': {
    json: { steps: 8, seed: 4 },
    words: 'compose MODEL --steps 8 --seed 4'
  },
  'forecast forecast': { json: { file: sales, only: 'sales' }, words: 'forecast MODEL sales.csv --only sales' },
  'forecast anomalies': { json: { file: sales, threshold: 2 }, words: 'anomalies MODEL sales.csv --threshold 2' },
  'translation translate': {
    json: { sentences: ['one_two', 'six'], beam: 3, best: 2 },
    words: 'translate MODEL one_two six --beam 3 --best 2'
  },
  'captions caption': {
    json: { images: [png.toString('base64')], beam: 3, best: 2 },
    words: 'caption MODEL image.png --beam 3 --best 2'
  },
  'text sample': {
    json: { prompt: 'ab', length: 40, seed: 3 },
    words: 'sample MODEL --prompt ab --length 40 --seed 3'
  },
  'text trace': { json: { data: story }, words: 'trace MODEL text.txt' },
  'handwriting-recognition read': {
    json: { ink: samples, beam: 4, best: 2, lexicon: 'lv\nxx\n' },
    words: 'read MODEL ink.ndjson --beam 4 --best 2 --lexicon words.txt'
  },
  'handwriting-recognition trace': {
    json: { data: samples, sample: 2 },
    words: 'trace MODEL ink.ndjson --sample 2'
  },
  'handwriting-synthesis write': {
    json: { text: 'lv', points: 20, seed: 2, prime: samples[0]! },
    words: 'write MODEL lv --points 20 --seed 2 --prime ink.ndjson'
  }
}

for (const { task, verb } of uses)
  t.test(`${task}: ${verb.name}`, async (t) => {
    const { json, words } = calls[`${task} ${verb.name}`]!
    const records = await recordsOf(task, verb, json)
    t.ok(records.length > 0)
    for (const { event, ...fields } of records) {
      t.doesNotThrow(() => exactCheck(verb.records[event]!)(fields, event), `${event} has its declared form`)
      t.same(JSON.parse(JSON.stringify(fields)), fields, `${event} is plain JSON`)
    }
    const line = `${words.replace('MODEL', at(task))} --json${'device' in verb.settings ? ' --device cpu' : ''}`
    const printed = await inProcess(line.split(' '), undefined, cwd)
    t.equal(printed.code, 0, printed.stderr)
    // The name of a sample or image is that of its file, or of the field of the request.
    const plain = (all: readonly object[]) => timeless(all).map(({ source: _, image: __, ...rest }) => rest)
    t.same(plain(printed.records), plain(records), 'the command line prints the same')
  })

t.test('pieces are the whole text', async (t) => {
  const json = { prompt: 'ab', length: 40, seed: 3 }
  const [whole] = await recordsOf('text', useOf('sample'), json)
  const parts = await recordsOf('text', useOf('sample'), json, { pieces: true })
  const last = parts.pop()!
  t.same(parts[0], { event: 'piece', part: 'prompt', text: 'ab' })
  t.equal(parts.slice(1).map(({ text }) => text as string).join(''), whole!['text']) // prettier-ignore
  t.equal(last['text'], undefined)
  for (const { event, ...fields } of [...parts, last]) exactCheck(useOf('sample').records[event]!)(fields, event)
})

t.test('files that the input asks for are records, and files of the command line', async (t) => {
  const { json, words } = calls['handwriting-synthesis write']!
  const records = await recordsOf('handwriting-synthesis', useOf('write'), { ...json, svg: true, out: true, saveStyle: true }) // prettier-ignore
  const files = records.filter(({ event }) => event === 'file')
  t.same(files.map(({ name }) => name), ['saveStyle', 'out', 'svg']) // prettier-ignore
  const line = `${words} --svg a.svg --out a.json --save-style s.json`.replace('MODEL', at('handwriting-synthesis'))
  const { code, stdout } = await inProcess(line.split(' '), undefined, cwd)
  t.equal(code, 0)
  t.match(stdout, /^wrote {4}\d+ strokes? of \d+ points .*\nsaved {4}s\.json\nsaved {4}a\.json\nsaved {4}a\.svg\n$/)
  const saved = { svg: 'a.svg', out: 'a.json', saveStyle: 's.json' } as Record<string, string>
  for (const { name, content } of files)
    t.equal(content, readFileSync(join(cwd, saved[name as string]!), 'utf8'), name as string)
  const { prime: _, ...rest } = json
  const style = JSON.parse(readFileSync(join(cwd, 's.json'), 'utf8')) as JsonObject
  const again = await recordsOf('handwriting-synthesis', useOf('write'), { ...rest, style })
  t.same(timeless(again).at(-1), timeless(records).at(-1), 'the style of a request is that of the strokes')
})

t.test('an abort ends a text with its record, and throws where there is no result', async (t) => {
  const signal = AbortSignal.abort()
  t.match(await recordsOf('text', useOf('sample'), {}, { signal }), [{ event: 'sample', text: '', length: 0 }])
  const json = { ink: samples }
  await t.rejects(recordsOf('handwriting-recognition', useOf('read'), json, { signal }), { code: 'ERR_ABORTED' })
})

t.test('requests that are wrong', async (t) => {
  const refused = { code: 'ERR_INVALID_ARGUMENT' }
  const read = useOf('read')
  t.throws(() => inputFromJson(read, {}), refused, 'no ink')
  t.throws(() => inputFromJson(read, { ink: [] }), refused, 'an empty list')
  t.throws(() => inputFromJson(read, { ink: 'lv' }), refused, 'no list')
  t.throws(() => inputFromJson(read, { ink: ['[]'], beam: 0 }), refused, 'a bound')
  t.throws(() => inputFromJson(read, { ink: ['[]'], device: 'cpu' }), refused, 'a setting of the engine')
  t.throws(() => inputFromJson(read, { ink: ['[]'], toString: 1 }), refused, 'an unknown name')
  const path = { path: join(cwd, 'ink.ndjson') }
  await t.rejects(recordsOf('handwriting-recognition', read, { ink: [path] }), { code: 'ERR_FILE_FORMAT' }, 'a path')
  await t.rejects(recordsOf('text', useOf('trace'), { data: path }), { code: 'ERR_UNKNOWN_SYMBOL' }, 'a path is text')
})

t.test('declarations', async (t) => {
  for (const { verb } of uses) {
    for (const [name, setting] of Object.entries(inputOf(verb)))
      t.notOk(isSetting(setting) && setting.kind.startsWith('path'), `${verb.name}: ${name} is no path`)
    const { input, records } = verbSchemas(verb)
    t.match(input, { type: 'object', additionalProperties: false })
    t.equal((records['oneOf'] as unknown[]).length, Object.keys(verb.records).length)
  }
  t.match(verbSchemas(useOf('read')), {
    input: { required: ['ink'], properties: { ink: { type: 'array', minItems: 1 }, beam: { maximum: 65536 } } },
    records: { oneOf: [{}, {}, { properties: { event: { const: 'read' }, readings: { items: { type: 'object' } } } }] }
  })
})
