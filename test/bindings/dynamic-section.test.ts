// The addon needs nothing but libc, and carries its hardening flags.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { addonReport, packageInfo } from '../../src/native.js'

const skip = process.platform === 'linux' ? false : 'ELF only'

t.test('dynamic section', { skip }, async (t) => {
  const script = join(packageInfo().root, 'scripts', 'check-dynamic-section.mjs')
  const check = (file: string) => spawnSync(process.execPath, [script, file], { encoding: 'utf8' })
  const result = check(addonReport().file!)
  t.equal(result.status, 0, result.stderr)
  t.match(result.stdout, /needed: .*libc\.so/)
  t.not(check(process.execPath).status, 0, 'node itself needs libstdc++ or is no addon: the check can fail')
})
