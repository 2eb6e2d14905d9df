// A process that runs several programs, one after the other, in the current folder: a start of Node.js and the loading of the package cost
// more than most of them. Arguments: the paths as JSON, then the words that each program gets. Prints their outputs as one JSON array.

import { pathToFileURL } from 'node:url'

const [paths, ...words] = process.argv.slice(2) as [string, ...string[]]
const outputs: string[] = []
const write = process.stdout.write.bind(process.stdout)
for (const path of JSON.parse(paths) as string[]) {
  let output = ''
  process.stdout.write = (text: string | Uint8Array) => ((output += String(text)), true)
  process.argv = [process.execPath, path, ...words]
  await import(pathToFileURL(path).href)
  outputs.push(output)
}
process.stdout.write = write
process.stdout.write(JSON.stringify(outputs))
