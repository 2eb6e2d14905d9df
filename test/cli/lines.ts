// A process that runs several command lines, one after the other: for tests that need an environment of its own, such as an instruction
// set, but not a process for each command. Arguments: the lines as JSON, each a list of words. Prints the results as one JSON array.

import { inProcess } from './in-process.js'

const lines = JSON.parse(process.argv[2]!) as string[][]
const results: unknown[] = []
for (const words of lines) results.push(await inProcess(words))
process.stdout.write(JSON.stringify(results))
