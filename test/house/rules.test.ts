// The house rules hold, but for the exceptions in exceptions.json: places that are older than their rule. A place that is not listed
// fails, and so does an entry that is no longer needed, so that the list only becomes shorter.
// GATECELL_HOUSE=trim removes the entries that are no longer needed; GATECELL_HOUSE=places prints every sentence that the style card
// refuses in files that are listed.

import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { dialect, rules } from './rules.js'
import { filePath } from './sources.js'

const path = filePath('test/house/exceptions.json')
const exceptions = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string[]>
const { GATECELL_HOUSE: mode = '' } = process.env
const found = Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, [...new Set(rule())].sort()]))

if (mode === 'trim') {
  const kept = Object.entries(found).map(([name, places]) => [
    name,
    places.filter((place) => exceptions[name]?.includes(place))
  ])
  writeFileSync(path, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`)
}

for (const [name, places] of Object.entries(found)) {
  t.test(name, async (t) => {
    const listed = exceptions[name] ?? []
    const added = places.filter((place) => !listed.includes(place))
    if (name === 'dialectFiles') {
      const shown = dialect().filter(({ file }) => mode === 'places' || added.includes(file))
      for (const { file, line, why } of shown) t.comment(`${file}:${line} ${why}`)
    }
    t.strictSame(added, [], 'no place breaks the rule that is not listed as an exception')
    const stale = mode === 'trim' ? [] : listed.filter((place) => !places.includes(place))
    t.strictSame(stale, [], 'every exception is needed: GATECELL_HOUSE=trim removes the others')
  })
}
