// The addon where the system refuses memory: a process whose address space is limited gets ERR_OUT_OF_MEMORY for a plan whose
// tables do not fit, is not ended, and makes the same plan once the limit is gone.
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { createControl } from '../../src/graph/control.js'
import { addonReport } from '../../src/native.js'

const MB = 2 ** 20
const program = `
const { spawnSync } = require('node:child_process')
const { readFileSync } = require('node:fs')
const addon = require(process.argv[1])
const limit = (bytes) => spawnSync('prlimit', ['--pid', String(process.pid), '--as=' + bytes + ':unlimited']).status === 0
const size = () => 1024 * Number(/VmSize:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])
const bytes = new Uint8Array(new SharedArrayBuffer(256))
const host = new Float32Array(bytes.buffer, (64 - addon.alignment(bytes)) % 64, 32)
// y = tanh(x), between two million inputs that no op reads: 64 MB of description, of which the core makes several times as much.
const count = 2_000_000
const tensors = new Int32Array(8 * (count + 2))
for (let i = 0; i < count + 2; i++) tensors.set([0, 1, i === count + 1 ? 16 : 0, 1, 4, 1, 1, 1], 8 * i)
const description = {
  store: null, tensors, ops: Int32Array.of(10, 1, 1, 0, count, count + 1), attributes: new Float64Array(0),
  carry: new Int32Array(0), gradients: new Int32Array(0), onlyGradients: 0, loss: -1, optimizer: 0, host, control: new Float64Array(new SharedArrayBuffer(8 * Number(process.argv[3]))), threads: 1, precision: 0, device: 0
}
const outcomes = []
function attempt() {
  try {
    const plan = addon.planCreate(description)
    host[0] = 1
    addon.planRunSync(plan, 0)
    outcomes.push(host[16])
    addon.planDispose(plan)
  } catch (error) {
    outcomes.push(error.code ?? String(error))
  }
}
let limited = true
for (const extra of JSON.parse(process.argv[2])) {
  limited &&= limit(size() + extra)
  attempt()
  limited &&= limit('unlimited')
}
attempt()
console.log(JSON.stringify({ limited, outcomes }))
`

t.test('a plan that does not fit is refused, and the process goes on', async (t) => {
  if (process.platform !== 'linux') return t.comment('skipped: Linux only')
  const extras = [24, 72, 96, 128, 160, 200, 256, 320, 400, 500].map((megabytes) => megabytes * MB)
  const control = String(createControl().values.length)
  const words = ['-e', program, addonReport().file!, JSON.stringify(extras), control]
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, words, { encoding: 'utf8' })
  t.equal(status, 0, `ended with ${String(signal ?? status)}: ${stderr}`)
  if (status !== 0) return
  const { limited, outcomes } = JSON.parse(stdout) as { limited: boolean; outcomes: (string | number)[] }
  if (!limited) return t.comment('skipped: no prlimit here')
  const right = Math.fround(Math.tanh(1))
  const refused = outcomes.filter((outcome) => outcome === 'ERR_OUT_OF_MEMORY').length
  t.ok(refused >= 3, `${refused} of ${outcomes.length} attempts are refused`)
  for (const outcome of outcomes) {
    t.ok(outcome === 'ERR_OUT_OF_MEMORY' || Math.abs(Number(outcome) - right) < 1e-6, String(outcome))
  }
  t.ok(typeof outcomes.at(-1) === 'number', 'without a limit there is a plan')
})
