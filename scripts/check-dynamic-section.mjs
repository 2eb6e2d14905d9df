// Prints the shared libraries that an addon needs, and fails if one is not part of libc: the binary must load on any Linux
// of the same libc, also one without libstdc++ or CUDA. Also checks that the linker applied the hardening flags. If the CUDA
// library was built next to the addon, it must not need CUDA's runtime or driver either: it contains the runtime and opens the driver.
//   node scripts/check-dynamic-section.mjs [file.node]
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fail, root } from './lib.mjs'

const allowed = [
  /^libc\.so/,
  /^libm\.so/,
  /^libpthread\.so/,
  /^libdl\.so/,
  /^librt\.so/,
  /^ld-linux/,
  /^libc\.musl-/,
  /^ld-musl-/
]
const readElf = (words, file) => {
  const result = spawnSync('readelf', [...words, '--wide', file], { encoding: 'utf8', maxBuffer: 1 << 28 })
  if (result.status === 0) return result.stdout
  return fail(`Expected readelf to read ${file}, but ${result.error?.message ?? result.stderr.trim()}.`)
}

function checkNeeded(file) {
  const text = readElf(['--dynamic', '--program-headers'], file)
  const needed = [...text.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1])
  console.log(`needed: ${needed.join(' ')}`)
  const foreign = needed.filter((name) => !allowed.some((pattern) => pattern.test(name)))
  if (needed.length === 0) fail(`Expected NEEDED entries in ${file}, found none.`)
  if (foreign.length > 0) fail(`Expected only libraries of libc in ${file}, found ${foreign.join(', ')}.`)
  checkGlibc(file)
  return text
}

/** The oldest glibc that Node 20 runs on; what is shipped must load there, too. */
const floor = [2, 28]

/** Fails if a symbol that the file needs is newer than `floor`. A file for musl names no version. */
function checkGlibc(file) {
  const symbols = [...readElf(['--dyn-syms'], file).matchAll(/ UND (\w+)@+GLIBC_(\d+)\.(\d+)/g)]
  const newer = symbols.filter(([, , major, minor]) => major * 1000 + +minor > floor[0] * 1000 + floor[1])
  const versions = symbols.map(([, , major, minor]) => major * 1000 + +minor)
  if (versions.length > 0)
    console.log(`glibc: ${Math.floor(Math.max(...versions) / 1000)}.${Math.max(...versions) % 1000}`)
  if (newer.length > 0) {
    const names = newer.map(([, name, major, minor]) => `${name} (${major}.${minor})`)
    fail(
      `Expected symbols of glibc ${floor.join('.')} or older in ${file} but received ${names.join(', ')}: add them to native/floor/glibc_floor.cc.`
    )
  }
}

const file = resolve(process.argv[2] ?? `${root}/build/Release/gatecell.node`)
const text = checkNeeded(file)
const cuda = [...readElf(['--dyn-syms'], file).matchAll(/ UND (cu[A-Z]\w*|cuda[A-Z]\w*)/g)].map((match) => match[1])
if (cuda.length > 0) fail(`Expected no symbol of CUDA in ${file}, found ${cuda[0]}.`)
const library = join(dirname(file), 'gatecell_cuda.so')
if (existsSync(library)) checkNeeded(library)
for (const [what, pattern] of [
  ['GNU_RELRO', /GNU_RELRO/],
  ['BIND_NOW', /BIND_NOW|FLAGS_1\).*NOW/],
  ['NODELETE', /FLAGS_1\).*NODELETE/]
]) {
  if (!pattern.test(text)) fail(`Expected ${what} in the dynamic section of ${file}, found none.`)
}
if (/GNU_STACK.*RWE/.test(text)) fail(`Expected a stack that is not executable in ${file}.`)
