// The engine where the system refuses threads: smaller teams with the same results and one warning, or a typed error, never an
// abort. Each case is a process of its own under a user of its own with a limit of processes, for which it needs the package in a
// folder that such a user may read.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { addonReport, packageInfo } from '../../src/native.js'

const { root } = packageInfo()
const folder = mkdtempSync(join(tmpdir(), 'gatecell-threads-'))
t.teardown(() => {
  rmSync(folder, { recursive: true, force: true })
})
chmodSync(folder, 0o755)
for (const part of [
  'dist/esm',
  'package.json',
  ...['node-gyp-build', 'saxes', 'xmlchars'].map((name) => `node_modules/${name}`)
]) {
  cpSync(join(root, part), join(folder, part), { recursive: true, dereference: true })
}
mkdirSync(join(folder, 'build', 'Release'), { recursive: true })
cpSync(addonReport().file!, join(folder, 'build', 'Release', 'gatecell.node'))
writeFileSync(
  join(folder, 'limited.mjs'),
  `import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { defineModel, f32, lstm, meanSquare } from './dist/esm/index.js'

const [granted, mode] = [Number(process.argv[2]), process.argv[3]]
const warnings = []
process.on('warning', ({ code, message }) => warnings.push({ code, message }))
const model = () => defineModel({
  name: 'm', config: {}, inputs: { x: f32(20, 32, 64) }, targets: { y: f32(20, 32, 64) },
  forward: ({ x }) => ({ y: lstm(x, { name: 'l', hidden: 64 }).output }),
  loss: ({ y }, targets) => meanSquare(y, targets.y)
}, { threads: 8 })
const train = async (m) => {
  const plan = m.plan({}, { purpose: 'train', optimizer: 'adam' })
  plan.inputs.x.fill(0.1)
  plan.control.step = 0
  if (mode === 'async') await plan.run('train')
  else plan.runSync('train')
  return plan.control.loss
}
model().dispose()
await Promise.all([1, 2, 3, 4, 5].map(() => readFile(process.argv[1]))) // libuv's threads
const threads = readdirSync('/proc/self/task').length
const limit = String(threads + granted)
const set = spawnSync('prlimit', ['--pid', String(process.pid), '--nproc=' + limit + ':' + limit])
let result
try {
  const m = model()
  const losses = []
  for (let i = 0; i < 3; i++) losses.push(await train(m))
  result = { losses }
} catch (error) {
  result = { code: error.code, message: error.message }
}
await new Promise((done) => setImmediate(done))
console.log(JSON.stringify({ ...result, warnings, limited: set.status === 0 }))
`
)

interface Outcome {
  losses?: number[]
  code?: string
  message?: string
  warnings: { code?: string; message: string }[]
  limited: boolean
}

const isRoot = process.getuid?.() === 0
/** Of no one else, so that the limit counts the threads of one process. */
let user = 48300

function outcome(granted: number, mode: 'async' | 'sync'): Outcome {
  user += 1
  const { stdout, stderr, status, signal } = spawnSync(
    process.execPath,
    [join(folder, 'limited.mjs'), String(granted), mode],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], GATECELL_OVERSUBSCRIBE: '1' },
      ...(isRoot && { uid: user, gid: user })
    }
  )
  if (status !== 0) throw new Error(`ended with ${String(signal ?? status)}: ${stderr}`)
  return JSON.parse(stdout) as Outcome
}

// Another user's limit counts all of that user's processes, so only root can try an exact number.
const skip = process.platform !== 'linux' ? 'Linux only' : isRoot ? false : 'needs root'

t.test('a team of the size that the system grants, with the same results', { skip }, async (t) => {
  const { losses } = outcome(100, 'async')
  t.ok(losses?.every(Number.isFinite))
  for (const mode of ['sync', 'async'] as const) {
    for (const granted of [1, 3]) {
      const limited = outcome(granted, mode)
      if (!limited.limited) return t.comment('skipped: no prlimit here')
      t.same(limited.losses, losses, `${granted} threads, ${mode}: the same bits`)
      t.match(limited.warnings, [{ code: 'GATECELL_FEWER_THREADS' }], 'one warning')
      const team = mode === 'sync' ? granted + 1 : granted // the engine's own thread leads the team of a run
      t.match(limited.warnings[0]!.message, new RegExp(`expected to run on 8 threads but the system grants ${team} `))
    }
  }
})

t.test(
  'without any thread: a synchronous run goes on, an asynchronous one ends with a typed error',
  { skip },
  async (t) => {
    const sync = outcome(0, 'sync')
    if (!sync.limited) return t.comment('skipped: no prlimit here')
    t.equal(sync.losses?.length, 3)
    t.match(sync.warnings, [{ code: 'GATECELL_FEWER_THREADS' }])
    t.match(outcome(0, 'async'), { code: 'ERR_OUT_OF_MEMORY', message: /engine's thread/ })
  }
)
