// Says which shared libraries an addon needs, and fails if one is not part of libc: the binary must load on any Linux
// of the same libc, also one without libstdc++. Also checks that the hardening flags arrived.
//   node scripts/check-dynamic-section.mjs [file.node]
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { fail, root } from './lib.mjs'

const allowed = [/^libc\.so/, /^libm\.so/, /^libpthread\.so/, /^libdl\.so/, /^ld-linux/, /^libc\.musl-/, /^ld-musl-/]
const file = resolve(process.argv[2] ?? `${root}/build/Release/gatecell.node`)
const result = spawnSync('readelf', ['--dynamic', '--program-headers', '--wide', file], { encoding: 'utf8' })
if (result.status !== 0) fail(`Expected readelf to read ${file}, but ${result.error?.message ?? result.stderr.trim()}.`)

const needed = [...result.stdout.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1])
console.log(`needed: ${needed.join(' ')}`)
const foreign = needed.filter((name) => !allowed.some((pattern) => pattern.test(name)))
if (needed.length === 0) fail(`Expected NEEDED entries in ${file}, found none.`)
if (foreign.length > 0) fail(`Expected only libraries of libc, found ${foreign.join(', ')}.`)
for (const [what, pattern] of [
  ['GNU_RELRO', /GNU_RELRO/],
  ['BIND_NOW', /BIND_NOW|FLAGS_1\).*NOW/],
  ['NODELETE', /FLAGS_1\).*NODELETE/]
]) {
  if (!pattern.test(result.stdout)) fail(`Expected ${what} in the dynamic section of ${file}, found none.`)
}
if (/GNU_STACK.*RWE/.test(result.stdout)) fail(`Expected a stack that is not executable in ${file}.`)
