#!/usr/bin/env node
// The gatecell command. Sets exit codes; everything else is in program.ts and one file per command. The version is printed without
// importing them, so that it costs as little as an empty process.

import { findPackage } from '../version.js'

const words = process.argv.slice(2)
const place = words.length === 1 && (words[0] === '--version' || words[0] === '-V') ? findPackage() : null
if (place) process.stdout.write(`${place.version}\n`)
else
  void import('./program.js')
    .then(({ runProgram }) => runProgram(words))
    .then((code) => {
      process.exitCode = code
    })
