#!/usr/bin/env node
// The gatecell command. Sets exit codes; everything else is in program.ts and one file per command.

import { runProgram } from './program.js'

void runProgram(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})
