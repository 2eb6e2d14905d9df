// Packs the package and uses it as a stranger would: installed from the tarball in an empty folder, without install
// scripts, without a compiler on the PATH. Packs in a copy of the repository that has no dist/, as a fresh clone has none; without
// prebuilds/ that must fail. Needs prebuilds/ (npm run prebuilds), and the npm cache or the registry for the dependencies.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fail, filesBelow, root } from './lib.mjs'

const folder = mkdtempSync(join(tmpdir(), 'gatecell-package-'))
const capture = (command, args, options = {}) => {
  const result = spawnSync(command, args, { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 26, ...options })
  if (result.status === 0) return result.stdout
  fail(
    `Expected "${command} ${args.join(' ')}" to succeed, found exit ${result.status}:\n${result.stdout}${result.stderr}`
  )
}

const expect = (condition, sentence) => {
  if (!condition) fail(`${sentence} (in ${folder})`)
}

const scripted = Object.entries(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages)
  .filter(([, { hasInstallScript }]) => hasInstallScript)
  .map(([name]) => name)
expect(scripted.length === 0, `Expected no dependency with an install script, found ${scripted.join(', ')}.`)

if (filesBelow(['prebuilds']).length === 0) fail('Expected a prebuilt addon, found none: run npm run prebuilds first.')
const clone = join(folder, 'clone')
const left = new Set(['node_modules', 'dist', 'prebuilds', 'shared', '.git', '.tshy', '.tshy-build', '.tap'])
cpSync(root, clone, {
  recursive: true,
  filter: (path) => dirname(path) !== root || !(left.has(basename(path)) || basename(path).startsWith('build'))
})
symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'))
const pack = ['pack', '--json', '--pack-destination', folder]
const bare = spawnSync('npm', pack, { cwd: clone, encoding: 'utf8' })
expect(
  bare.status !== 0 && /prebuilt addon/.test(bare.stderr) && !readdirSync(folder).some((name) => name.endsWith('.tgz')),
  `Expected npm pack to refuse without prebuilds/, found exit ${bare.status}: ${bare.stderr}`
)
cpSync(join(root, 'prebuilds'), join(clone, 'prebuilds'), { recursive: true })
const listing = capture('npm', pack, { cwd: clone })
const [packed] = JSON.parse(listing.slice(listing.search(/^\[/m)))
const names = packed.files.map((file) => file.path)
expect(!names.includes('binding.gyp'), 'Expected no binding.gyp in the tarball: npm would run node-gyp.')
for (const wanted of ['LICENSE', 'README.md', 'CMakeLists.txt', 'dist/esm/index.js', 'dist/commonjs/index.d.ts']) {
  expect(names.includes(wanted), `Expected ${wanted} in the tarball, found none.`)
}
expect(
  names.some((name) => /^prebuilds\/.*\.node$/.test(name)),
  'Expected a prebuilt addon in the tarball.'
)
const links = readFileSync(join(root, 'README.md'), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)
for (const [, link] of links)
  expect(names.includes(link), `Expected ${link}, which README.md links to, in the tarball.`)
const strays = names.filter((name) => /^(src|test|bench|scripts|build|node_modules|\.)/.test(name))
expect(strays.length === 0, `Expected no ${strays[0]} in the tarball.`)

// Entries, dialects and types as bundlers and TypeScript resolve them. TypeScript before 4.7 (node10) has no entries below a package.
const tarball = join(folder, packed.filename)
capture(process.execPath, [join(root, 'node_modules/publint/src/cli.js'), 'run', tarball, '--strict'])
capture(process.execPath, [
  join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
  tarball,
  '--profile',
  'node16'
])

writeFileSync(join(folder, 'package.json'), '{ "name": "stranger", "version": "1.0.0", "private": true }\n')
capture('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', packed.filename])
const installed = JSON.parse(readFileSync(join(folder, 'node_modules/gatecell/package.json'), 'utf8'))
const hooks = ['preinstall', 'install', 'postinstall'].filter((name) => name in (installed.scripts ?? {}))
expect(hooks.length === 0, `Expected no install script in the published package, found ${hooks.join(', ')}.`)

// A PATH that has only node and sh: no compiler, no cmake, no readelf.
const bin = join(folder, 'bin')
mkdirSync(bin)
symlinkSync(process.execPath, join(bin, 'node'))
symlinkSync(existsSync('/bin/sh') ? '/bin/sh' : process.execPath, join(bin, 'sh'))
const env = { ...process.env, PATH: bin, GATECELL_BINARY: '' }
const entries = Object.keys(installed.exports)
  .filter((key) => key !== './package.json')
  .map((key) => `gatecell${key.slice(1)}`)
const check = "if (Object.keys(entry).length === 0) throw new Error('empty')\n"
const steps = {
  'esm.mjs': entries.map((name) => `{ const entry = await import('${name}')\n${check}}\n`).join(''),
  'cjs.cjs': entries.map((name) => `{ const entry = require('${name}')\n${check}}\n`).join('')
}
for (const [name, text] of Object.entries(steps)) {
  writeFileSync(join(folder, name), text)
  capture(process.execPath, [name], { env })
}
const cli = join(folder, 'node_modules/gatecell', installed.bin.gatecell)
const doctor = JSON.parse(capture(process.execPath, [cli, 'doctor', '--json'], { env }))
console.log(`doctor: ${JSON.stringify(doctor)}`)
const corpus = join(folder, 'corpus.txt')
writeFileSync(corpus, 'abcdefghijklmnopqrstuvwxyz\n'.repeat(2000))
const train = [cli, 'train', 'text', corpus, '--out', 'model.safetensors', '--hidden', '32', '--steps', '20', '--json']
console.log(capture(process.execPath, train, { env }).trim().split('\n').at(-1))
console.log(capture(process.execPath, [cli, 'sample', 'model.safetensors', '--length', '40'], { env }).trim())
console.log(
  `package: ${packed.filename}, ${names.length} files, ${packed.size} bytes packed; installs, loads and trains`
)
if (dirname(folder) === tmpdir()) rmSync(folder, { recursive: true })
