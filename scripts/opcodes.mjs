// Writes src/graph/op-list.ts, the numbers of the ops for TypeScript, from native/include/gatecell/ops.def. `--print` prints it instead.
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const list = readFileSync(new URL('native/include/gatecell/ops.def', root), 'utf8')

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
const rows = [...list.matchAll(/^GC_(HOST_)?OP\((\d+), (\w+), (\w+)\)$/gm)].map(([, , number, upper, name]) => {
  if (upper !== name.toUpperCase()) throw new Error(`ops.def: expected ${name.toUpperCase()} but received ${upper}.`)
  return `  ${camel(name)}: ${number}`
})
const text = `// The numbers of the ops. Written by \`npm run opcodes\` from native/include/gatecell/ops.def, which describes each op.

export const opcodes = {
${rows.join(',\n')}
} as const
`
if (process.argv.includes('--print')) process.stdout.write(text)
else writeFileSync(new URL('src/graph/op-list.ts', root), text)
