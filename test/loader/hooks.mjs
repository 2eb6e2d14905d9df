// Hooks of Node's loader for the TypeScript files of this repository. tap's own way, ts-node, loads the compiler twice in every process and
// transpiles again what it imports, which took more processor time than most tests.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { transpiled } from './transpile.mjs'

const root = new URL('../..', import.meta.url).href
const isOurs = (url) =>
  url.startsWith(root) && !url.startsWith(`${root}node_modules/`) && url.split('?', 1)[0].endsWith('.ts')

/** Resolves './file.js', imported by one of our TypeScript files, to './file.ts'. */
export function resolve(specifier, context, next) {
  const { parentURL } = context
  if (parentURL === undefined || !isOurs(parentURL) || !/^\.{1,2}\/.*\.js$/.test(specifier))
    return next(specifier, context)
  const url = new URL(specifier.replace(/\.js$/, '.ts'), parentURL)
  return existsSync(url) ? { url: url.href, format: 'module', shortCircuit: true } : next(specifier, context)
}

/** Loads one of our TypeScript files as the JavaScript that `transpiled` returns. */
export function load(url, context, next) {
  if (!isOurs(url)) return next(url, context)
  return { format: 'module', source: transpiled(fileURLToPath(url.split('?', 1)[0])), shortCircuit: true }
}
