// The loader: a fresh process per case, because an addon is loaded once.
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { packageInfo } from '../../src/native.js'
import { transpiled } from '../loader/transpile.mjs'

const src = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'src')

/** A package folder that holds the compiled loader and no addon. */
function lonelyPackage(folder: string, version: string): void {
  mkdirSync(join(folder, 'dist'))
  for (const name of ['native', 'here', 'errors', 'version'])
    writeFileSync(join(folder, 'dist', `${name}.js`), transpiled(join(src, `${name}.ts`)))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'gatecell', version, type: 'module' }))
}

function report(folder: string, env: Record<string, string> = {}): Record<string, unknown> {
  const script = `import { addonReport } from ${JSON.stringify(join(folder, 'dist', 'native.js'))}
console.log(JSON.stringify(addonReport()))`
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: process.env['PATH'], NODE_PATH: '', ...env }
  })
  if (result.status !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout) as Record<string, unknown>
}

const { root, version } = packageInfo()
const built = join(root, 'build', 'Release', 'gatecell.node')

/** node-gyp-build must be found from the package's folder. */
function withResolver(folder: string): void {
  const target = join(folder, 'node_modules', 'node-gyp-build')
  mkdirSync(target, { recursive: true })
  for (const file of ['package.json', 'index.js', 'node-gyp-build.js']) {
    copyFileSync(join(root, 'node_modules', 'node-gyp-build', file), join(target, file))
  }
}

t.test('no addon: every place and what to do', async (t) => {
  const folder = t.testdir()
  lonelyPackage(folder, version)
  withResolver(folder)
  const { file, problem } = report(folder)
  t.equal(file, null)
  t.match(problem, /no addon was built here/)
  t.match(problem, /no prebuilt binaries/)
  t.match(problem, /npm run build/)
  t.match(problem, /GATECELL_BINARY/)
})

t.test('a prebuild of another platform is named', async (t) => {
  const folder = t.testdir({ prebuilds: { 'plan9-mips': { 'gatecell.node': '' } } })
  lonelyPackage(folder, version)
  withResolver(folder)
  t.match(report(folder)['problem'], /expected a binary for .*, found plan9-mips/)
})

t.test('GATECELL_BINARY is used, or the reason is given; nothing else is tried', async (t) => {
  const folder = t.testdir({ 'broken.node': 'not an addon' })
  lonelyPackage(folder, version)
  withResolver(folder)
  t.match(report(folder, { GATECELL_BINARY: built }), { file: built, problem: null, attempts: [] })
  const broken = join(folder, 'broken.node')
  const refused = report(folder, { GATECELL_BINARY: broken })
  t.match(refused, { file: null, attempts: [{ file: broken }] })
  t.match(report(folder, { GATECELL_BINARY: join(folder, 'none.node') })['problem'], /none\.node/)
})

t.test('an addon of another version is refused', async (t) => {
  const folder = t.testdir()
  lonelyPackage(folder, '99.0.0')
  withResolver(folder)
  t.match(report(folder, { GATECELL_BINARY: built })['problem'], /of version .*, this package of 99\.0\.0/)
})

t.test('a broken build is an error, not a reason to run an older prebuild unasked', async (t) => {
  const platform = `${process.platform}-${process.arch}`
  const folder = t.testdir({ build: { Release: { 'gatecell.node': 'broken' } }, prebuilds: { [platform]: {} } })
  lonelyPackage(folder, version)
  withResolver(folder)
  copyFileSync(built, join(folder, 'prebuilds', platform, 'gatecell.node'))
  t.match(report(folder), { file: null, attempts: [{ file: join(folder, 'build', 'Release', 'gatecell.node') }] })
})

t.test('a prebuild of this platform loads', async (t) => {
  const platform = `${process.platform}-${process.arch}`
  const folder = t.testdir({ prebuilds: { [platform]: {} } })
  lonelyPackage(folder, version)
  withResolver(folder)
  const prebuild = join(folder, 'prebuilds', platform, 'gatecell.node')
  copyFileSync(built, prebuild)
  t.match(report(folder), { file: prebuild, attempts: [], problem: null })
})
