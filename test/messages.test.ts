// Every message of an error names the expected value, the received one and a remedy. The test reads the source and checks each message that
// is a literal or a constant of the same file.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts')
)

/** In these files the expectation is the remedy as well: "Expected a number as x but received null." */
const checks = /^(?:check\/|errors\.ts$)/

/** Returns the text of a literal with ${} in place of each expression, null for another expression. */
function textOf(node: ts.Node | undefined): string | null {
  if (!node) return null
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `\${}${literal.text}`).join('')
  if (ts.isBinaryExpression(node)) {
    const parts = [textOf(node.left), textOf(node.right)]
    return parts.includes(null) ? null : parts.join('')
  }
  return null
}

/** Returns what the nearest constant called `name` before `node` was set to. */
function constantOf(name: string, node: ts.Node): ts.Node | undefined {
  let found: ts.Node | undefined
  const visit = (inner: ts.Node) => {
    if (inner.getStart() >= node.getStart()) return
    if (ts.isVariableDeclaration(inner) && inner.name.getText() === name) found = inner.initializer
    ts.forEachChild(inner, visit)
  }
  visit(node.getSourceFile())
  return found
}

/** Returns the message of a call of `expected`, which puts its parts together. */
function sentenceOf({ arguments: [, ...parts] }: ts.CallExpression): string {
  const [what, actual, remedy] = parts.map((part) => textOf(part) ?? '${}')
  return `Expected ${what} but received ${actual}${remedy === '' ? '.' : `: ${remedy}.`}`
}

function* messagesOf(file: string): Generator<{ place: string; text: string }> {
  const source = ts.createSourceFile(file, readFileSync(join(root, 'src', file), 'utf8'), ts.ScriptTarget.ES2022, true)
  const found: { node: ts.Node; text: string | null }[] = []
  const visit = (node: ts.Node) => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'GatecellError') {
      const given = node.arguments?.[1]
      found.push({ node, text: textOf(given && ts.isIdentifier(given) ? constantOf(given.text, node) : given) })
    }
    if (ts.isCallExpression(node) && node.expression.getText() === 'expected')
      found.push({ node, text: sentenceOf(node) })
    ts.forEachChild(node, visit)
  }
  visit(source)
  for (const { node, text } of found) {
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
    if (text !== null) yield { place: `src/${file}:${line}`, text }
  }
}

t.test('messages have three parts', async (t) => {
  const messages = files.filter((file) => !checks.test(file)).flatMap((file) => [...messagesOf(file)])
  t.ok(messages.length > 180, `${messages.length} messages`)
  // A source in front of the sentence (an op, a file) is not part of it. A message within a message is a sentence of its own.
  const sentence = /^(?:\S+: )?[Ee]xpected .+ (?:but|received|found|is|has|have) .*[:;] \S/s
  const wrong = messages.filter(({ text }) => text.startsWith('${}') === false && !sentence.test(text))
  t.same(wrong, [], 'expected, received, and after a colon what to do')
  const doubled = messages.filter(({ text }) => /\.\.$|: [A-Z][a-z]+ [a-z].*\.$|Expected Expected/.test(text))
  t.same(doubled, [], 'one period, and a remedy that begins with a small letter')
})
