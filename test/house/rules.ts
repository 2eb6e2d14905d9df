// The house rules of CONTRIBUTING.md that a machine can check. Each rule returns its violations, one string each.

import ts from 'typescript'
import {
  functionsOfCpp,
  listFiles,
  nodesOf,
  proseOfCpp,
  proseOfDocument,
  proseOfScript,
  readFile,
  treeOf
} from './sources.js'
import { dialectIn, firstWord } from './prose.js'

const MAX_FILE_LINES = 300
const MAX_FUNCTION_LINES = 60
const MAX_COMMENT_WIDTH = 150

const sources = listFiles('src', /\.c?ts$/)
const scripts = [...listFiles('scripts', /\.[cm]?js$/), ...listFiles('bench', /\.mjs$/)]
const tests = listFiles('test', /\.ts$/)
const examples = listFiles('examples', /\.ts$/)
const cpp = [...listFiles('native', /\.(h|cc|cu|cuh|inl)$/), ...listFiles('bindings', /\.(h|cc)$/)]
const cppTests = listFiles('test', /\.(h|cc|inl)$/)

/** Returns the violations of one rule. */
type Rule = () => string[]

/** Every file of code has at most 300 lines. */
const longFiles: Rule = () =>
  [...sources, ...scripts, ...tests, ...cpp, ...cppTests].filter(
    (file) => readFile(file).split('\n').length - 1 > MAX_FILE_LINES
  )

/** Every line of a comment has at most 150 characters. */
const wideComments: Rule = () =>
  [...sources, ...scripts, ...tests, ...examples, ...cpp, ...cppTests].flatMap((file) =>
    readFile(file)
      .split('\n')
      .flatMap((line, index) =>
        /^\s*(?:\/\/|\/?\*)/.test(line) && line.length > MAX_COMMENT_WIDTH ? [`${file}:${index + 1}`] : []
      )
  )

type NamedFunction = ts.FunctionLikeDeclaration & { body: ts.Node }

const isFunction = (node: ts.Node): node is NamedFunction => ts.isFunctionLike(node) && 'body' in node && !!node.body

/** Returns the name of a function: its own, or that of the variable or property that holds it. */
function nameOf(node: NamedFunction): string {
  if (node.name) return node.name.getText()
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const { parent } = node
  if ((ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) && parent.name) return parent.name.getText()
  return 'a function without a name'
}

/**
 * Every function of src, scripts and bench, and of C++ outside the kernels, has at most 60 lines, the inner functions, blank lines and comments
 * included, its docstring not.
 */
const longFunctions: Rule = () => {
  const found: string[] = []
  for (const file of [...sources, ...scripts]) {
    const tree = treeOf(file)
    for (const node of nodesOf(tree)) {
      if (!isFunction(node)) continue
      const line = (position: number) => tree.getLineAndCharacterOfPosition(position).line
      const lines = line(node.getEnd()) - line(node.getStart()) + 1
      if (lines > MAX_FUNCTION_LINES) found.push(`${file} ${nameOf(node)}`)
    }
  }
  for (const file of cpp.filter((file) => !/kernels\//.test(file)))
    for (const { name, lines } of functionsOfCpp(file)) if (lines > MAX_FUNCTION_LINES) found.push(`${file} ${name}`)
  return found
}

interface Exported {
  file: string
  name: string
  node: ts.Declaration
}

const isExported = (node: ts.Node) =>
  ts.canHaveModifiers(node) && !!ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)

/** Returns the names that a declaration makes: several if it takes an array or object apart. */
function namesOf({ name }: ts.NamedDeclaration): string[] {
  if (!name) return []
  if (!ts.isArrayBindingPattern(name) && !ts.isObjectBindingPattern(name)) return [name.getText()]
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? namesOf(element) : []))
}

/** Returns the declarations that the files of src export, without re-exports; overloads once. A .cts file is the CommonJS twin of a .ts file. */
function exportsOf(): Exported[] {
  const found = new Map<string, Exported>()
  for (const file of sources.filter((file) => file.endsWith('.ts'))) {
    for (const node of treeOf(file).statements) {
      if (!isExported(node)) continue
      const declarations = ts.isVariableStatement(node)
        ? node.declarationList.declarations
        : [node as ts.DeclarationStatement]
      for (const one of declarations) {
        for (const name of namesOf(one))
          if (!found.has(`${file} ${name}`)) found.set(`${file} ${name}`, { file, name, node: one })
      }
    }
  }
  return [...found.values()]
}

const exported = exportsOf()

/** No two files of src export the same name. */
const sharedNames: Rule = () => {
  const files = new Map<string, number>()
  for (const { name } of exported) files.set(name, (files.get(name) ?? 0) + 1)
  return [...files].filter(([, count]) => count > 1).map(([name]) => name)
}

/** Returns the text of the docstring of a declaration, '' if it has none. */
function docstringOf({ node }: Exported): string {
  const holder = ts.isVariableDeclaration(node) ? node.parent.parent : node
  const comments = ts.getLeadingCommentRanges(node.getSourceFile().text, holder.getFullStart()) ?? []
  const last = comments.at(-1)
  const text = last ? node.getSourceFile().text.slice(last.pos, last.end) : ''
  return text.startsWith('/**') ? text.slice(3, -2).replace(/^\s*\*+ ?/gm, '').trim() : '' // prettier-ignore
}

/** Every exported declaration has a docstring. */
const missingDocstrings: Rule = () =>
  exported.filter((one) => docstringOf(one) === '').map(({ file, name }) => `${file} ${name}`)

/** The docstring of an exported function begins with a verb in the third person. */
const docstringsWithoutVerb: Rule = () => {
  const functions = exported.filter(({ node }) => {
    const value = ts.isVariableDeclaration(node) ? node.initializer : node
    return value && isFunction(value)
  })
  return functions
    .filter((one) => docstringOf(one) !== '' && !firstWord(docstringOf(one)).isVerb)
    .map(({ file, name }) => `${file} ${name}`)
}

/** GatecellError is made in src/errors.ts only: everything else calls the functions that make its sentence. */
const handmadeErrors: Rule = () =>
  sources.filter((file) => file !== 'src/errors.ts' && /new GatecellError\(/.test(readFile(file)))

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...listFiles('docs', /\.md$/),
  ...listFiles('bench', /\.md$/)
]

/** Returns the sentences that break the style card, with their places; the rule below names only their files. */
export function dialect(): { file: string; line: number; why: string }[] {
  const texts = [
    ...sources.map((file) => proseOfScript(file, { strings: true })),
    ...[...scripts, ...tests].map((file) => proseOfScript(file, { strings: false })),
    ...[...cpp, ...cppTests].map(proseOfCpp),
    ...documents.map(proseOfDocument)
  ]
  return texts.flatMap((prose) => prose.flatMap((one, index) => dialectIn(one, index === 0)))
}

/** No file breaks the style card. */
const dialectFiles: Rule = () => [...new Set(dialect().map(({ file }) => file))]

export const rules: Readonly<Record<string, Rule>> = {
  longFiles,
  wideComments,
  longFunctions,
  sharedNames,
  missingDocstrings,
  docstringsWithoutVerb,
  handmadeErrors,
  dialectFiles
}
