// Runs a program of examples/ with the build: npm run example classify-sequences [steps]. Node.js from 22.18 on runs the files themselves.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { fail, root, run } from './lib.mjs'

const names = readdirSync(join(root, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace('.ts', ''))
const [name, ...words] = process.argv.slice(2)
if (!names.includes(name)) fail(`Expected one of ${names.join(', ')} as the example, found ${name}.`)
const program = readFileSync(join(root, 'examples', `${name}.ts`), 'utf8')
const folder = join(root, 'build', 'examples') // inside the package, where its programs find it under its own name
mkdirSync(folder, { recursive: true })
const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
const file = join(folder, `${name}-${process.pid}.mjs`)
writeFileSync(file, ts.transpileModule(program, { compilerOptions: options }).outputText)
run(process.execPath, [file, ...words], { cwd: process.cwd() })
