// Writes src/graph/op-list.ts, the numbers of ops, of the functions of map programs and of the activations of cells for TypeScript, from
// native/include/gatecell/ops.def and native/kernels/{map,activation}_codes.h. `--print` prints it instead.
import { readFileSync, writeFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const read = (path) => readFileSync(new URL(path, root), 'utf8')

const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
const rows = [...read('native/include/gatecell/ops.def').matchAll(/^GC_(HOST_)?OP\((\d+), (\w+), (\w+)\)$/gm)].map(
  ([, , number, upper, name]) => {
    if (upper !== name.toUpperCase()) throw new Error(`ops.def: expected ${name.toUpperCase()} but received ${upper}.`)
    return `  ${camel(name)}: ${number}`
  }
)
const codes = (file, count) =>
  [...read(`native/kernels/${file}`).matchAll(/F\((\d+), \w+, (\w+), (\d)\)/g)].map(
    ([, number, name, size]) => `  ${camel(name)}: { code: ${number}, ${count}: ${size} }`
  )
const text = `// The numbers of the ops, of the functions of map programs, and of the activations of cells. Written by \`npm run opcodes\` from
// native/include/gatecell/ops.def and native/kernels/{map,activation}_codes.h, which describe them.

/** The numbers of the ops. */
export const opcodes = {
${rows.join(',\n')}
} as const

/** The functions of map programs: number and count of operands. */
export const mapCodes = {
${codes('map_codes.h', 'operands').join(',\n')}
} as const

/** The activation functions of cells: number and count of parameters. */
export const activationCodes = {
${codes('activation_codes.h', 'parameters').join(',\n')}
} as const
`
if (process.argv.includes('--print')) process.stdout.write(text)
else writeFileSync(new URL('src/graph/op-list.ts', root), text)
