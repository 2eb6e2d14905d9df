// Words and options that a command line gives but that would have no effect are refused, for every command.

import { join } from 'node:path'
import type { Command } from 'commander'
import t, { type Test } from 'tap'
import { createProgram } from '../../../src/cli/program.js'
import { writeCheckpoint } from '../../../src/io/checkpoint.js'
import { models, save } from '../../tasks/small-models.js'

const folder = t.testdir({ 'ink.ndjson': '{"strokes":[[[0,0],[1,1]]],"text":"a"}\n', 'text.txt': 'abc' })
const at = (name: string) => join(folder, name)

/** The commands without commands of their own, each with the words that lead to it. */
function leaves(command: Command, words: readonly string[] = []): { command: Command; words: readonly string[] }[] {
  if (command.commands.length === 0) return [{ command, words }]
  return command.commands.flatMap((child) => leaves(child, [...words, child.name()]))
}

t.test('each command refuses more words than it takes', async (t) => {
  const all = leaves(await createProgram())
  t.ok(all.length >= 10, `${all.length} commands`)
  const fixed = all.filter(({ command }) => !command.registeredArguments.some(({ variadic }) => variadic))
  for (const name of ['train numbers', 'sample', 'write', 'inspect', 'doctor'])
    t.ok(
      fixed.some(({ words }) => words.join(' ') === name),
      `${name} takes a fixed number of words`
    )
  for (const { command, words } of fixed) {
    // Options that only take some words are given one of them.
    const needed = command.options
      .filter(({ mandatory }) => mandatory)
      .flatMap(({ long }) => [long!, long === '--to' ? 'numpy' : 'word'])
    const extra = [...command.registeredArguments.map(() => 'word'), 'extra', ...needed]
    const refusal = { code: 'commander.excessArguments', message: /too many arguments/ }
    await t.rejects(
      (await createProgram()).parseAsync([...words, ...extra], { from: 'user' }),
      refusal,
      words.join(' ')
    )
  }
})

t.test('a use of a model refuses more words than its task takes', async (t) => {
  const model = at('words.safetensors')
  await save(models['text']!(2), model)
  await refuses(t, ['trace', model, at('text.txt'), 'extra'], /<data> after the model but received 2 words/)
  await refuses(t, ['trace', model], /<data> after the model but received nothing/)
})

async function refuses(t: Test, words: string[], message: RegExp): Promise<void> {
  const refusal = { code: 'ERR_INVALID_OPTION', message }
  await t.rejects((await createProgram()).parseAsync(words, { from: 'user' }), refusal, words.join(' '))
}

t.test('options of other tasks', async (t) => {
  const config = { network: {} }
  for (const task of ['text', 'handwriting', 'handwriting-synthesis', 'handwriting-recognition'])
    await writeCheckpoint(at(`${task}.safetensors`), { task, config, progress: {}, weights: [] })
  const given: Record<string, string[]> = {
    '--test': ['0.1'],
    '--cache-dir': ['x'],
    '--weights': ['int8'],
    '--where': ['writer=3'],
    '--y': ['up'],
    '--skip-bad': [],
    '--reader': ['r.safetensors']
  }
  const others: Record<string, string[]> = {
    text: ['--where', '--y', '--skip-bad', '--reader'],
    'handwriting-synthesis': ['--test', '--cache-dir', '--weights'],
    'handwriting-recognition': ['--test', '--cache-dir', '--reader']
  }
  for (const [task, flags] of Object.entries(others))
    for (const flag of flags) {
      const words = ['evaluate', at(`${task}.safetensors`), at('ink.ndjson'), flag, ...given[flag]!]
      await refuses(t, words, new RegExp(`Expected ${flag} only for .* holds a "${task}" model: leave the option out`))
    }
  for (const flag of ['--sample=2', '--layer=l0', '--svg=a.svg', '--moving-svg=a.svg', '--y=up', '--skip-bad'])
    await refuses(
      t,
      ['trace', at('text.safetensors'), at('text.txt'), flag],
      /only for a (numbers or )?handwriting-recognition model/
    )
})

t.test('options that modify an absent option', async (t) => {
  for (const flag of ['--count=3', '--unseen=x', '--bias=1', '--seed=1']) {
    const message = /together with --reader but received only --\w+: add --reader or leave --\w+ out/
    await refuses(t, ['evaluate', at('handwriting.safetensors'), at('ink.ndjson'), flag], message)
  }
  for (const flag of ['--lm-weight=1', '--insertion=1'])
    await refuses(t, ['read', 'm', 'ink', flag], /together with --lm but/)
})
