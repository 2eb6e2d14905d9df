// The texts that the house rules read: files of the repository, syntax trees of TypeScript, comments of TypeScript and C++.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Returns the paths, relative to the repository and sorted, of our own files below `folder` whose names match `pattern`. */
export function listFiles(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .filter((entry) => !entry.parentPath.split(sep).includes('node_modules'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

/** Returns the text of a file of the repository. */
export const readFile = (file: string): string => readFileSync(join(root, file), 'utf8')
export const filePath = (file: string): string => join(root, file)

const trees = new Map<string, ts.SourceFile>()

/** Returns the syntax tree of a TypeScript or JavaScript file. */
export function treeOf(file: string): ts.SourceFile {
  let tree = trees.get(file)
  if (!tree) trees.set(file, (tree = ts.createSourceFile(file, readFile(file), ts.ScriptTarget.ES2022, true)))
  return tree
}

/** Returns `node` and every node below it. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  for (const child of children) yield* nodesOf(child)
}

/** A text for people, joined to one line, and the line of the file on which it begins. */
export interface Prose {
  readonly file: string
  readonly line: number
  readonly text: string
  readonly kind: 'comment' | 'docstring' | 'string' | 'document'
}

const lineAt = (text: string, position: number): number => text.slice(0, position).split('\n').length

/** Returns `text` with spaces in place of the characters of each range, line ends kept. */
function blank(text: string, ranges: readonly (readonly [number, number])[]): string {
  let result = ''
  let at = 0
  for (const [begin, end] of ranges) {
    if (begin < at) continue
    result += text.slice(at, begin) + text.slice(begin, end).replace(/[^\n]/g, ' ')
    at = end
  }
  return result + text.slice(at)
}

/** Returns the comments of a text without strings; lines of // that follow each other are one comment. */
function commentsIn(file: string, text: string): Prose[] {
  const found: (Prose & { end: number; lineComment: boolean })[] = []
  for (const match of text.matchAll(/\/\*[^]*?\*\/|\/\/[^\n]*/g)) {
    const lineComment = match[0].startsWith('//')
    const body = lineComment ? match[0].slice(2) : match[0].slice(2, -2).replace(/^\s*\*+ ?/gm, '')
    const kind = match[0].startsWith('/**') ? 'docstring' : 'comment'
    const joined = body.replace(/^\*/, '').replace(/\s+/g, ' ').trim()
    const last = found.at(-1)
    const between = last ? text.slice(last.end, match.index) : ''
    if (last?.lineComment && lineComment && /^\n[ \t]*$/.test(between)) {
      found[found.length - 1] = { ...last, text: `${last.text} ${joined}`, end: match.index + match[0].length }
    } else {
      const line = lineAt(text, match.index)
      found.push({ file, line, text: joined, kind, end: match.index + match[0].length, lineComment })
    }
  }
  return found
}

/** Returns the comments of a TypeScript or JavaScript file, and its strings of four words and more if `strings`. */
export function proseOfScript(file: string, { strings }: { strings: boolean }): Prose[] {
  const tree = treeOf(file)
  const ranges: [number, number][] = []
  const texts: Prose[] = []
  for (const node of nodesOf(tree)) {
    const isString = ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
    if (!isString && !ts.isRegularExpressionLiteral(node)) continue
    ranges.push([node.getStart(), node.getEnd()])
    const words = isString && node.text.trim().split(/\s+/).length >= 4
    if (strings && words)
      texts.push({ file, line: lineAt(tree.text, node.getStart()), text: node.text, kind: 'string' })
  }
  ranges.sort(([a], [b]) => a - b)
  return [...commentsIn(file, blank(tree.text, ranges)), ...texts]
}

/** Returns the comments of a C++ file. */
export function proseOfCpp(file: string): Prose[] {
  const text = readFile(file)
  const tokens = text.matchAll(/\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'/g)
  const ranges = [...tokens]
    .filter(([token]) => !token.startsWith('/'))
    .map((match): [number, number] => [match.index, match.index + match[0].length])
  return commentsIn(file, blank(text, ranges))
}

/** Returns the paragraphs of a Markdown file without its code. */
export function proseOfDocument(file: string): Prose[] {
  const text = readFile(file)
    .replace(/^(```|~~~)[^]*?^\1/gm, (code) => code.replace(/[^\n]/g, ''))
    .replace(/^ {4}.*$/gm, '')
    .replace(/`[^`\n]*`/g, 'CODE')
  const paragraphs = [...text.matchAll(/[^\n]+(?:\n(?!\n|[|#-]).+)*/g)]
  return paragraphs.map((match) => ({
    file,
    line: lineAt(text, match.index),
    text: match[0].replace(/\s+/g, ' '),
    kind: 'document'
  }))
}

/** Returns the functions of a C++ file by their headers, with the number of their lines; clang-format has laid them out. */
export function functionsOfCpp(file: string): { name: string; lines: number }[] {
  const lines = readFile(file).split('\n')
  const found: { name: string; lines: number }[] = []
  lines.forEach((line, index) => {
    if (!/\{$/.test(line)) return
    const indent = /^ */.exec(line)![0].length
    // A header may take several lines: they begin after the end of the statement before.
    let first = index
    while (first > 0 && /[^;{}:]$/.test(lines[first - 1]!) && !/^\s*(?:\/\/|#|$)/.test(lines[first - 1]!)) first--
    const header = lines.slice(first, index + 1).join(' ').trim() // prettier-ignore
    const name =
      /^(?!(?:if|for|while|switch|else|do|return|case|namespace|struct|class|enum|union|template)\b)[^=]*?([\w:~]+)\(/.exec(
        header.replace(/^template *<[^{]*?> /, '')
      )?.[1]
    const own = /^ */.exec(lines[first]!)![0].length
    if (name === undefined || own > 2 || indent < own) return
    const end = lines.findIndex((other, at) => at > index && other.startsWith(`${' '.repeat(own)}}`))
    if (end > 0) found.push({ name, lines: end - first + 1 })
  })
  return found
}
