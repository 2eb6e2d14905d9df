// Prints docs/examples.md, the list of the examples with the lines of each and of the same task in PyTorch:
//   node bench/example-lines.mjs > docs/examples.md
import { readdirSync, readFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const read = (path) => readFileSync(new URL(path, root), 'utf8')
/** Number of lines that are neither blank nor only a comment. */
const linesOf = (text, comment) =>
  text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith(comment)).length

const rows = readdirSync(new URL('examples/', root))
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .map((file) => {
    const name = file.replace('.ts', '')
    const program = read(`examples/${file}`)
    const rival = `bench/lab/examples-pytorch/${name.replaceAll('-', '_')}.py`
    const [, task] = /^\/\/ ([^]*?)[.:] /.exec(program.replaceAll('\n// ', ' '))
    const [ours, theirs] = [linesOf(program, '//'), linesOf(read(rival), '#')]
    return `| [${name}](../examples/${file}) | ${task} | ${ours} | [${theirs}](../${rival}) |`
  })

console.log(`# Examples

Each is a complete program that makes its own data: \`npm run example <name>\` in a clone; the programs import \`gatecell\` as a project of
your own does. A number after the name is the number of training steps. Lines are those that are neither blank nor only a comment; the programs in PyTorch
are written plainly for the same task, data and network, with lines of at most 120 characters as here. The two examples on ink call the applications
of the package, for which PyTorch has no counterpart.

| example | task | lines | lines in PyTorch |
|---|---|---|---|
${rows.join('\n')}

This page is written by \`node bench/example-lines.mjs > docs/examples.md\`.`)
