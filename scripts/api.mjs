// Writes api.md, the declarations of every public name by entry, from the .d.ts files of dist (`npm run build:ts` makes them). A change
// of the public surface is a difference in this file, which a review sees. `--print` prints it instead.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from './lib.mjs'

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.entries(exports).flatMap(([key, value]) => {
  const types = value.import?.types
  return types === undefined ? [] : [{ name: `gatecell${key.slice(1)}`, file: join(root, types) }]
})
const program = ts.createProgram(
  entries.map(({ file }) => file),
  {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ['node'],
    skipLibCheck: true
  }
)
const checker = program.getTypeChecker()
const printer = ts.createPrinter({ removeComments: true })

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
const exportsOf = (symbol) => [...checker.getExportsOfModule(symbol)].sort(byName)
const isModule = (symbol) => symbol.declarations?.some(ts.isSourceFile) ?? false

/** The declarations of a symbol as text, on the name under which it is exported; private members of classes are left out. */
function declarations(exported) {
  const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
  if (isModule(symbol)) {
    const inner = exportsOf(symbol).flatMap(declarations)
    return [`namespace ${exported.name} {`, ...inner.map((line) => line.replace(/^(?=.)/gm, '  ')), '}']
  }
  const found = symbol.declarations ?? []
  return found.map((node) => {
    const whole = ts.isVariableDeclaration(node) ? node.parent.parent : node
    const text = printer.printNode(ts.EmitHint.Unspecified, whole, whole.getSourceFile())
    const plain = text
      .replace(/^export /, '')
      .replace(/^declare /, '')
      .split('\n')
      .filter((line) => !/^\s*(#private;|private )/.test(line))
      .join('\n')
    return symbol.name === exported.name ? plain : `${plain} // exported as ${exported.name}`
  })
}

const sections = entries.map(({ name, file }) => {
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(file))
  return `## ${name}\n\n\`\`\`ts\n${exportsOf(symbol).flatMap(declarations).join('\n')}\n\`\`\`\n`
})
const text = `# The public surface

Every name that a program can import, by entry, with its declaration. Written by \`npm run api\`; \`test/api.test.ts\` compares it with the
declarations of the build. \`npm run docs\` makes the reference with the descriptions.

${sections.join('\n')}`
if (process.argv.includes('--print')) process.stdout.write(text)
else writeFileSync(join(root, 'api.md'), text)
