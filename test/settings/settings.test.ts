// Settings of all tasks: each declaration agrees with its check, its option, its help text and its JSON Schema.
import { Command } from 'commander'
import t from 'tap'
import { addSettings, givenOnCommandLine, helpOf } from '../../src/cli/options/settings.js'
import {
  defaultsOf,
  flagOf,
  givenCheck,
  jsonSchema,
  readStored,
  setting,
  settingsOf,
  settingsTable,
  valueAt,
  valuesCheck,
  type Group
} from '../../src/settings/index.js'
import { recognitionRunSettings } from '../../src/tasks/handwriting-recognition/settings.js'
import { synthesisRunSettings } from '../../src/tasks/handwriting-synthesis/settings.js'
import { textRunSettings } from '../../src/tasks/text/settings.js'

const groups: Record<string, Group> = { textRunSettings, recognitionRunSettings, synthesisRunSettings }

for (const [name, group] of Object.entries(groups))
  t.test(name, async (t) => {
    const flags: string[] = []
    for (const { path, setting } of settingsOf(group)) {
      const where = path.join('.')
      const takes = (value: unknown) => {
        try {
          return setting.check(value, where) === value
        } catch (error) {
          t.match(error, { code: 'ERR_INVALID_ARGUMENT', message: `as ${where} but received` })
          return false
        }
      }
      if (setting.default !== undefined) t.ok(takes(setting.default), `${where} takes its default`)
      const { min, max, above, below } = setting.bounds ?? {}
      for (const bound of [min, max]) if (bound !== undefined) t.ok(takes(bound), `${where} takes ${bound}`)
      for (const bound of [above, below]) if (bound !== undefined) t.notOk(takes(bound), `${where} refuses ${bound}`)
      if (min !== undefined) t.notOk(takes(min - Math.max(1, Math.abs(min))), `${where} refuses less than ${min}`)
      if (max !== undefined) t.notOk(takes(max * 2), `${where} refuses more than ${max}`)
      t.notOk(takes({}), `${where} refuses an object`)
      t.match(setting.help, /^[A-Za-z].*[^.]$/, `${where} has a help text without a period`)
      const schema = valueAt(
        jsonSchema(group),
        path.flatMap((part) => ['properties', part])
      ) as Record<string, unknown>
      const bounds = { minimum: min, maximum: max, exclusiveMinimum: above, exclusiveMaximum: below }
      for (const [key, bound] of Object.entries(bounds)) t.equal(schema[key], bound, `${key} of ${where}`)
      t.same(schema['default'], setting.default, `default of ${where} in the schema`)
      const option = flagOf(path, setting)
      if (!option) continue
      flags.push(option.name)
      const printed = setting.defaultText === null && setting.kind !== 'boolean' && setting.default !== undefined
      if (printed)
        t.match(
          helpOf(setting),
          `(default: ${JSON.stringify(setting.default).replaceAll('"', '')})`,
          `help of ${option.name}`
        )
    }
    t.equal(new Set(flags).size, flags.length, 'no two settings have the same option')
    t.match(settingsTable(group), /^\| setting .*\n\|---/, 'a table for documents')
  })

const group = {
  network: {
    units: setting.integer({ min: 1, max: 9, default: 3, flag: '--hidden', help: 'units' }),
    share: setting.number({ above: 0, below: 1, default: 0.5, help: 'share' }),
    both: setting.flag({ default: true, help: 'both directions' })
  },
  limit: setting.integer({ min: 1, absent: true, help: 'limit' }),
  where: setting.orNull(setting.text({ help: 'filter' })),
  kind: setting.choice(['a', 'b'], { default: 'a', help: 'kind' })
} satisfies Group

t.test('values that callers give, files hold, and command lines name', async (t) => {
  const values = { network: { units: 3, share: 0.5, both: true }, where: null, kind: 'a' }
  t.same(defaultsOf(group), values)
  t.same(valuesCheck(group)({ ...values, later: 1 }, 'x'), values, 'a file may have more')
  t.same(givenCheck(group)({ network: { units: 2 } }, 'x'), { network: { units: 2 } })
  t.throws(() => givenCheck(group)({ later: 1 }, 'the options'), { code: 'ERR_INVALID_ARGUMENT' })
  t.throws(() => givenCheck(group)({ network: { units: 0 } }, 'the options'), {
    message: 'Expected an integer from 1 to 9 as network.units in the options but received 0.'
  })
  t.throws(() => readStored(valuesCheck(group), { ...values, kind: 'c' }, 'm.safetensors'), {
    code: 'ERR_FILE_FORMAT',
    message:
      'Expected a, b as kind in the configuration but received "c" in m.safetensors: take another copy of the file, because this one is damaged.'
  })
  const parse = (...words: string[]) => {
    const command = addSettings(new Command('x'), group).exitOverride()
    return givenOnCommandLine(command.parse(words, { from: 'user' }), group)
  }
  t.same(parse(), {}, 'defaults are not given')
  const words = ['--hidden', '2', '--share', '.25', '--no-both', '--where', 'a=b', '--kind', 'b']
  t.same(parse(...words), { network: { units: 2, share: 0.25, both: false }, where: 'a=b', kind: 'b' })
  for (const [name, word, expected] of [
    ['--hidden', '10', 'an integer from 1 to 9'],
    ['--hidden', '0x2', 'an integer from 1 to 9'],
    ['--share', '1', 'a number above 0 and below 1'],
    ['--kind', 'c', 'one of a, b']
  ] as const)
    t.throws(() => parse(name, word), {
      code: 'ERR_INVALID_OPTION',
      message: `Expected ${expected} for ${name} but received "${word}": see --help.`
    })
})
