// Help, version and the report of doctor.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { gatecell, root } from './command.js'
import { inProcess } from './in-process.js'

const run = (...words: string[]) => inProcess(words)

t.test('help, version, doctor', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  t.equal((await gatecell(['--version'])).stdout, `${version}\n`)
  for (const words of [
    ['help'],
    ['--help'],
    ['help', 'sample'],
    ['train', '--help'],
    ['train', 'text', '--help'],
    ['doctor', '--help']
  ]) {
    const { code, stdout } = await run(...words)
    t.equal(code, 0)
    t.match(stdout, /^Usage: gatecell/)
  }
  for (const name of ['sample', 'evaluate', 'inspect', 'bench', 'tour'])
    t.match((await run(name, '--help')).stdout, /Examples?:\n {2}npx gatecell/)
  const { records: [report] } = await gatecell(['doctor', '--json']) // prettier-ignore
  t.match(report, {
    event: 'doctor',
    version,
    healthy: true,
    isa: { found: String, used: String },
    threads: Number,
    cgroup_limit: Object,
    memory: { total_bytes: Number },
    backends: { cpu: { available: true, reason: String }, cuda: { available: Boolean, reason: String } },
    self_test: { ok: true, detail: /abcdefghijklmnopqrstuvwxyz/ }
  })
  const broken = await gatecell(['doctor', '--json'], { env: { GATECELL_BINARY: join(root, 'package.json') } })
  t.equal(broken.code, 1)
  t.match(broken.records[0], { healthy: false, addon: { file: null }, backends: { cpu: { available: false } } })
})
