// npm runs this before it packs or publishes: refuses without a prebuilt addon, since a package without one loads nowhere,
// and builds dist/ where it is missing or older than its sources. Prints to standard error, because npm pack --json prints its result to standard
// output.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fail, filesBelow, root } from './lib.mjs'

if (!filesBelow(['prebuilds']).some((file) => file.endsWith('.node'))) {
  fail('Expected a prebuilt addon in prebuilds/, found none: run npm run prebuilds first.')
}
const build = [join(root, 'scripts', 'build.mjs'), '--if-needed', 'ts']
const { status } = spawnSync(process.execPath, build, { cwd: root, stdio: ['ignore', 2, 2] })
if (status !== 0) process.exit(status ?? 1)
