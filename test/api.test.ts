// api.md, the snapshot of the public surface, is that of the build.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

t.test('api.md is what npm run api writes', async (t) => {
  const script = fileURLToPath(new URL('../scripts/api.mjs', import.meta.url))
  const printed = execFileSync(process.execPath, [script, '--print'], { encoding: 'utf8' })
  const saved = readFileSync(new URL('../api.md', import.meta.url), 'utf8')
  t.equal(saved, printed, 'npm run build:ts && npm run api')
})
