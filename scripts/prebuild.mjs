// Fills prebuilds/<platform>-<arch>/ with one stripped addon for this platform (gatecell.<libc>.node), built in
// build/prebuild so that the development build stays as it is.
//   --arm64    cross-compiles for Linux on 64-bit ARM (needs g++-aarch64-linux-gnu)
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import prebuildify from 'prebuildify'
import { fail, filesBelow, root } from './lib.mjs'

const { values } = parseArgs({ options: { arm64: { type: 'boolean', default: false } } })
const cwd = join(root, 'build', values.arm64 ? 'prebuild-arm64' : 'prebuild')
if (values.arm64) process.env.CMAKE_TOOLCHAIN_FILE = join(root, 'scripts', 'aarch64-linux.cmake')
mkdirSync(cwd, { recursive: true })
const options = {
  cwd,
  out: root,
  name: 'gatecell',
  napi: true,
  strip: true,
  ...(values.arm64 && { arch: 'arm64', stripBin: 'aarch64-linux-gnu-strip' }),
  tagLibc: process.platform === 'linux',
  nodeGyp: join(root, 'scripts', 'prebuild-cmake.cjs')
}
prebuildify(options, (error) => {
  if (error) fail(`Expected a prebuilt addon, but ${error.message}.`)
  console.log(filesBelow(['prebuilds']).join('\n'))
})
