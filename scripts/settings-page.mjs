// Prints the page of all settings from their declarations, as Markdown. Needs the built TypeScript part:
//   node scripts/settings-page.mjs > docs/settings.md
import { serveSettings } from '../dist/esm/serve/settings.js'
import { settingsTable } from '../dist/esm/settings/index.js'
import { tasks } from '../dist/esm/tasks/registry.js'

const INTRODUCTION = `# Settings

Every setting of every task. The tables are printed by \`node scripts/settings-page.mjs\` from the declarations that the
program itself uses, so names, ranges and defaults are those of the code. \`npx gatecell schema\` prints the same as JSON Schema.

The column *setting* has the path of the setting in the options of the library and in a model file, *option* its name on the
command line. An option of the type *true or false* takes no value: it sets the value that is
not the default, so \`--forward\` sets \`network.bidirectional\` to false. Times on the command line have a unit: 90s, 15m, 2h.
A setting without a default is either required, or absent until it is given, or depends on other settings.
`

/** Returns a section with the table of a use of a task; a use without settings has none. */
function section(title, settings) {
  const table = settingsTable(settings)
  return table.split('\n').length > 3 ? `### ${title}\n\n${table}` : ''
}

/** Returns the part of the page about one task. */
function partOf({ id, summary, settings, evaluation, tracing, verbs }) {
  const sections = [
    section(`train ${id}`, settings),
    section(`evaluate, for models of ${id}`, evaluation.settings),
    tracing ? section(`trace, for models of ${id}`, tracing.settings) : '',
    ...verbs.map((verb) => section(verb.name, verb.settings))
  ]
  return [
    `## ${id}\n\n${summary[0].toUpperCase()}${summary.slice(1)}.\n`,
    ...sections.filter((text) => text !== '')
  ].join('\n')
}

const SERVE = `## serve

Settings of \`gatecell serve\` and \`createServer\`; those after \`maxConnections\` are those of \`servePlugin\` and \`createHandler\`, too.

${settingsTable(serveSettings)}`

process.stdout.write([INTRODUCTION, ...tasks.map(partOf), SERVE].join('\n'))
