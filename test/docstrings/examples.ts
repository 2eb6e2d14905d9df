// The examples of the docstrings of src, and the programs that run them: one module for each file of src, in which each example is a
// function. This file has no test itself.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** An example of a docstring, or a fragment of a page. */
export interface Example {
  /** The file, relative to the repository. */
  readonly file: string
  /** Name of the declaration that has the docstring; '' for a fragment of a page. */
  readonly name: string
  readonly line: number
  readonly code: string
}

const nodesOf = function* (node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  for (const child of children) yield* nodesOf(child)
}

const parse = (file: string, text: string) => ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)

/** Returns the examples of a file of src. An example ends with its docstring or at the next tag. */
function examplesIn(file: string): Example[] {
  const text = readFileSync(join(root, file), 'utf8')
  if (!text.includes('@example')) return []
  const tree = parse(file, text)
  const found: Example[] = []
  for (const node of nodesOf(tree)) {
    const { jsDoc = [] } = node as { jsDoc?: readonly ts.JSDoc[] }
    for (const doc of jsDoc) {
      const [prose = '', ...parts] = doc
        .getText()
        .slice(3, -2)
        .replace(/^ *\* ?/gm, '')
        .split(/^ *@example *$/m)
      let line = tree.getLineAndCharacterOfPosition(doc.getStart()).line + prose.split('\n').length + 1
      for (const part of parts) {
        const code = part.split(/^ *@\w/m)[0]!.trim()
        const { name } = node as ts.NamedDeclaration
        found.push({ file, name: name?.getText() ?? '', line, code })
        line += part.split('\n').length
      }
    }
  }
  return found
}

/** Returns all examples of src by file. */
export function examplesByFile(): Map<string, Example[]> {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
    .sort()
  return new Map(files.map((file) => [file, examplesIn(file)] as const).filter(([, found]) => found.length > 0))
}

/** Returns the blocks of `language` in a page, with the line on which each begins. */
export function blocksOf(page: string, language: string): Example[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((found) => ({
    file: page,
    name: '',
    line: text.slice(0, found.index).split('\n').length + 1,
    code: found[1]!
  }))
}

/** Names that an example declares outside of inner functions and blocks. */
function declaredBy(tree: ts.SourceFile): Set<string> {
  const names = new Set<string>()
  const add = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) names.add(name.text)
    else for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name)
  }
  for (const statement of tree.statements) {
    if (ts.isVariableStatement(statement)) for (const { name } of statement.declarationList.declarations) add(name)
    if (ts.isFunctionDeclaration(statement) && statement.name) names.add(statement.name.text)
  }
  return names
}

/** Names that an example uses, those of properties left out, and does not declare itself. */
export function freeNames(code: string): Set<string> {
  const tree = parse('example.ts', code)
  const names = new Set<string>()
  for (const node of nodesOf(tree)) {
    if (!ts.isIdentifier(node)) continue
    const { parent } = node
    const isProperty =
      (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
      (ts.isPropertyAssignment(parent) && parent.name === node) ||
      (ts.isMethodDeclaration(parent) && parent.name === node) ||
      (ts.isBindingElement(parent) && parent.propertyName === node)
    if (!isProperty) names.add(node.text)
  }
  for (const name of declaredBy(tree)) names.delete(name)
  return names
}

/** A value in a comment after a statement, such as `// Int32Array [1, 2]: why`. */
const VALUE = /^(-?\d[\d_.]*|-?Infinity|true|false|null|'[^']*'|(?:\w+ )?\[[^a-z]*\])(?=$|:)/

/** Returns the code with `check(expression, 'value')` for each expression whose line ends in a comment that is a value. */
export function withChecks(code: string): string {
  const tree = parse('example.ts', code)
  let result = code
  for (const statement of [...tree.statements].reverse()) {
    if (!ts.isExpressionStatement(statement)) continue
    const [comment] = ts.getTrailingCommentRanges(code, statement.getEnd()) ?? []
    const value = comment && VALUE.exec(code.slice(comment.pos + 2, comment.end).trim())?.[1]
    if (!value) continue
    const checked = `check(${statement.getText()}, ${JSON.stringify(value)})`
    result = result.slice(0, statement.getStart()) + checked + result.slice(statement.getEnd())
  }
  return result
}

/** The place of an exported name: the module to import it from. */
export type FindExport = (name: string, file: string) => string | undefined

/** How the free names of examples are resolved. */
export interface Names {
  /** Returns the module from which an example of `file` imports a name. */
  find(name: string, file: string): string | undefined
  /** Returns the key of the example's fixture and the names that it has. */
  given(example: Example): { key: string; names: readonly string[] } | undefined
}

/** Returns the module with the examples of one file, to be written to .tap/examples. */
export function moduleOf(examples: readonly Example[], { find, given }: Names): string {
  const imports = new Map<string, Set<string>>()
  const functions = examples.map((example) => {
    const { key, names = [] } = given(example) ?? {}
    const free = [...freeNames(example.code)]
    const values = free.filter((name) => names.includes(name))
    for (const name of free) {
      const from = names.includes(name) ? undefined : find(name, example.file)
      if (from !== undefined) imports.set(from, (imports.get(from) ?? new Set()).add(name))
    }
    const made = values.length > 0 ? `const { ${values.join(', ')} } = await fixtures[${JSON.stringify(key)}]()` : ''
    return `async ({ fixtures, check, console, process }: Context) => {\n${made}\n${withChecks(example.code)}\n}`
  })
  const quoted = JSON.stringify(
    relative(join(root, '.tap', 'examples'), join(root, 'test', 'docstrings', 'fixtures.js'))
  )
  return [
    ...[...imports].map(([from, names]) => `import { ${[...names].join(', ')} } from ${JSON.stringify(from)}`),
    `import type { Context } from ${quoted}`,
    `export const examples = [\n${functions.join(',\n')}\n]`
  ].join('\n')
}
