// The empty word as a path, which a shell makes of a variable without a value: every command refuses it before it begins.

import { join } from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { createProgram } from '../../src/cli/program.js'
import { models, save } from '../tasks/small-models.js'
import { inProcess } from './in-process.js'

/** Names of values, as the help shows them, that are paths. */
const PATHS = ['file', 'folder', 'path', 'ink', 'model', 'data']
/** The only values that are read as they are. */
const FREE = [
  '--prompt <text>',
  '--level <name>',
  '--layer <name>',
  '--where <field=values>',
  '--valid-where <field=values>'
]

type Parser = ((text: string, before: undefined) => unknown) | undefined

/** The values of all commands: [command and option or argument, name of the value, parser]. */
function* valuesOf(command: Command, path = command.name()): Generator<[string, string, Parser]> {
  for (const { flags, parseArg, required, optional } of command.options) {
    if (!required && !optional) continue
    const name = /[<[]([a-z]+)/.exec(flags)![1]!
    if (!FREE.includes(flags)) yield [`${path} ${flags}`, name, parseArg]
  }
  for (const argument of command.registeredArguments) {
    // A text that is written is a text; those that are read are files.
    const name = argument.name() === 'text' && argument.variadic ? 'data' : argument.name()
    // The words after the model of these two are files or numbers, which the model's task decides: the last test runs them.
    if (name === 'data' && ['evaluate', 'trace'].includes(command.name())) continue
    yield [`${path} ${argument.name()}`, name, argument.parseArg]
  }
  for (const inner of command.commands) yield* valuesOf(inner, `${path} ${inner.name()}`)
}

t.test('paths that are empty are refused', async (t) => {
  const paths = [...valuesOf(await createProgram())].filter(([, name]) => PATHS.includes(name))
  t.ok(paths.length >= 30, `${paths.length} paths`)
  for (const [place, , parse] of paths) {
    const message = /^Expected the path of a (file|folder) for (--|the )[a-z-]+ but received "": see --help\.?$/
    t.throws(() => parse?.('', undefined), { code: 'ERR_INVALID_OPTION', message }, place)
  }
})

t.test('options of other values have a check of their own', async (t) => {
  for (const [place, name, parse] of valuesOf(await createProgram()))
    if (place.includes('--') && !PATHS.includes(name)) t.type(parse, 'function', place)
})

t.test('paths are kept, several of an option in their order', async (t) => {
  for (const [place, name, parse] of valuesOf(await createProgram())) {
    if (!PATHS.includes(name)) continue
    const one = parse!('a b', undefined)
    if (Array.isArray(one)) t.same((parse as (text: string, before: unknown) => unknown)('c', one), ['a b', 'c'], place)
    else t.equal(one, 'a b', place)
  }
})

t.test('commands name the option', async (t) => {
  const commands = [
    ['train', 'text', 'story.txt'],
    ['train', 'handwriting-synthesis', 'ink.ndjson'],
    ['train', 'handwriting-recognition', 'ink.ndjson'],
    ['write', 'writer.safetensors', 'hello'],
    ['tour']
  ]
  for (const words of commands) {
    const { code, stderr } = await inProcess([...words, '--out', ''])
    t.equal(code, 2)
    t.equal(
      stderr,
      'gatecell: Expected the path of a file for --out but received "": see --help (ERR_INVALID_OPTION)\n',
      words.join(' ')
    )
  }
})

t.test('files after a model are checked when its task is known', async (t) => {
  const model = join(t.testdir({}), 'model.safetensors')
  await save(models['text']!(2), model)
  for (const command of ['evaluate', 'trace']) {
    const { code, stderr } = await inProcess([command, model, ''])
    t.equal(code, 2)
    t.equal(
      stderr,
      'gatecell: Expected the path of a file for the data but received "": see --help (ERR_INVALID_OPTION)\n'
    )
  }
})
