// Builds the addon ("native") and dist/ ("ts"), in that order. With --if-needed only what is older than its sources,
// which is how `npm start` and `npm test` work in a fresh clone.
import { existsSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fail, hasCommand, newestChange, root, runTool } from './lib.mjs'

const targets = {
  native: {
    inputs: ['native', 'bindings', 'CMakeLists.txt'],
    outputs: ['build/Release/gatecell.node'],
    note: 'building the native engine (a minute or two the first time) ...',
    build: buildNative
  },
  ts: {
    inputs: ['src', 'tsconfig.json'],
    outputs: ['dist/esm/index.js', 'dist/commonjs/index.js'],
    note: 'building the TypeScript part ...',
    build: () => runTool('tshy', [])
  }
}

function buildNative() {
  if (!hasCommand('cmake')) {
    fail('Expected CMake 3.19 or newer on the PATH, found none: install it (Debian: apt-get install cmake g++).')
  }
  const compiler = process.env.CXX ?? ['c++', 'g++', 'clang++'].find(hasCommand)
  if (compiler === undefined) {
    fail('Expected a C++17 compiler on the PATH, found none: install one (Debian: apt-get install g++).')
  }
  // cmake-js takes a cache for a configured build, also one of a configuration that failed.
  const configured = ['build.ninja', 'Makefile'].some((name) => existsSync(join(root, 'build', name)))
  const strict = process.env.CI ? ['--CDGATECELL_WERROR=ON'] : []
  if (!configured) runTool('cmake-js', ['configure', '--log-level', 'warn', ...strict])
  runTool('cmake-js', ['build', '--parallel', '2', '--log-level', 'warn'])
}

const isFresh = (target) => {
  const outputs = target.outputs.map((path) => join(root, path))
  if (!outputs.every(existsSync)) return false
  return Math.min(...outputs.map((path) => statSync(path).mtimeMs)) >= newestChange(target.inputs)
}

const words = process.argv.slice(2)
const ifNeeded = words.includes('--if-needed')
const names = words.filter((word) => word !== '--if-needed')
const unknown = names.find((name) => !(name in targets))
if (unknown !== undefined) fail(`Expected native or ts, found "${unknown}".`)

for (const name of names) {
  const target = targets[name]
  if (ifNeeded && isFresh(target)) continue
  console.error(target.note)
  const started = new Date()
  target.build()
  // The build tools do not touch an output that did not change. Its date is set, so that it is the time of the last check.
  for (const path of target.outputs) utimesSync(join(root, path), started, started)
}
