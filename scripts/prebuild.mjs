// Fills prebuilds/<platform>-<arch>/ with one stripped addon for this platform (gatecell.<libc>.node), built in
// build/prebuild so that the development build stays as it is.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import prebuildify from 'prebuildify'
import { fail, filesBelow, root } from './lib.mjs'

const cwd = join(root, 'build', 'prebuild')
mkdirSync(cwd, { recursive: true })
const options = {
  cwd,
  out: root,
  name: 'gatecell',
  napi: true,
  strip: true,
  tagLibc: process.platform === 'linux',
  nodeGyp: join(root, 'scripts', 'prebuild-cmake.cjs')
}
prebuildify(options, (error) => {
  if (error) fail(`Expected a prebuilt addon, but ${error.message}.`)
  console.log(filesBelow(['prebuilds']).join('\n'))
})
