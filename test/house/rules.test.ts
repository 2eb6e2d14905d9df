// The house rules hold everywhere: there are no exceptions.

import t from 'tap'
import { dialect, rules } from './rules.js'

for (const [name, rule] of Object.entries(rules)) {
  t.test(name, async (t) => {
    const places = [...new Set(rule())].sort()
    if (name === 'dialectFiles') for (const { file, line, why } of dialect()) t.comment(`${file}:${line} ${why}`)
    t.strictSame(places, [], 'no place breaks the rule')
  })
}
