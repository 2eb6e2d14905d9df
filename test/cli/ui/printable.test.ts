// No command prints a control character that came from a file: names, tasks, configurations, symbols of a vocabulary.

import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { printableJson, printableName, printableText } from '../../../src/cli/ui/printable.js'
import { writeCheckpoint } from '../../../src/io/checkpoint.js'
import { gatecell, root } from '../command.js'

const cwd = t.testdir({})
/** Characters that move the cursor, set a title, or hide or reverse text: C0, DEL, C1 and directions. */
const hostile = '\u001b[2J\u001b]0;title\u0007\r\b\u007f\u0085\u009b31m\u202e\u200f\u061c'
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]|\p{Bidi_Control}/u

t.test('escapes', async (t) => {
  t.equal(printableText('a\tb\n\u001b\u009b'), 'a\tb\n\\u001b\\u009b')
  t.equal(printableName('a\tb\n\u202e'), 'a\\u0009b\\u000a\\u202e')
  const wrong: string[] = []
  for (let code = 0; code < 0x10000; code++) {
    const text = String.fromCharCode(code)
    const json = printableJson({ [text]: text })
    const escaped = [json, printableName(text), printableText(text)].every((shown) => !unprintable.test(shown))
    const parsed = JSON.parse(json) as Record<string, string>
    if (!escaped || parsed[text] !== text) wrong.push(`U+${code.toString(16)}`)
  }
  t.same(wrong, [], 'every character is escaped where it has to be, and JSON parses to what it was')
})

t.test('models with hostile names', async (t) => {
  const data = new Float32Array(4)
  const config = { [`name ${hostile}`]: 1, value: hostile }
  const weights = [{ name: `w${hostile}`, shape: [4], data }]
  await writeCheckpoint(join(cwd, 'm.safetensors'), { task: `text${hostile}`, config, progress: config, weights })
  const words = [
    ['inspect', 'm.safetensors'],
    ['inspect', 'm.safetensors', '--json'],
    ['evaluate', 'm.safetensors', 'story.txt'],
    ['evaluate', 'm.safetensors', 'story.txt', '--json'],
    ['trace', 'm.safetensors', 'story.txt'],
    ['sample', 'm.safetensors']
  ]
  writeFileSync(join(cwd, 'story.txt'), 'text')
  for (const command of words) {
    const { stdout, stderr } = await gatecell(command, { cwd })
    t.notMatch(stdout + stderr, unprintable, command.join(' '))
    t.match(stdout + stderr, /\\u001b\[2J/, command.join(' '))
  }
  const debugged = await gatecell(['trace', 'm.safetensors', 'story.txt'], { cwd, env: { GATECELL_DEBUG: '1' } })
  t.match(debugged.stderr, /\n {4}at /, 'with GATECELL_DEBUG the stack follows')
  t.notMatch(debugged.stderr, unprintable, 'escaped too')
  const { records } = await gatecell(['inspect', 'm.safetensors', '--json'], { cwd })
  t.match(records[0], { task: `text${hostile}`, config, tensors: [{ name: `w${hostile}` }] }, 'programs read the names')
})

t.test('inspect lists safetensors files of other programs', async (t) => {
  const path = join(root, 'test/golden/dtypes.safetensors')
  const { stdout, code } = await gatecell(['inspect', path])
  t.equal(code, 0)
  t.match(stdout, /not a gatecell model, 25 tensors/)
  t.match(stdout, /rank12 +F32 \[1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1\]/)
  const { records } = await gatecell(['inspect', path, '--json'])
  t.match(records[0], { task: null, metadata: { torch: /^2/ } })
  t.ok((records[0]!['tensors'] as { dtype: string }[]).some(({ dtype }) => dtype === 'F4'))
})
