// Worker threads: each has its own environment, and may end at any moment with jobs queued and running.
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createControl } from '../../src/graph/control.js'
import { addonReport } from '../../src/native.js'
import { rounds } from '../amounts.js'

// Plain JavaScript, so that a worker needs nothing but the addon. It keeps eight plans running until it is ended.
const body = `
const { parentPort, workerData } = require('node:worker_threads')
const addon = require(workerData.file)
const shared = (Type, length) => {
  const buffer = new SharedArrayBuffer(length * Type.BYTES_PER_ELEMENT + 64)
  return new Type(buffer, (64 - addon.alignment(new Uint8Array(buffer))) % 64, length)
}
const none = new Int32Array(0)
const store = addon.storeCreate(new Float64Array([0, 2, 64, 64]), shared(Float32Array, 4096), null, null, null)
const forever = async (rows) => {
  const tensors = new Int32Array([0,1,0,2,rows,64,1,1, 0,2,0,2,64,64,1,1, 0,1,rows*64,2,rows,64,1,1])
  const host = shared(Float32Array, 2 * rows * 64)
  const plan = addon.planCreate({ store, tensors, ops: new Int32Array([3,2,1,0,0,1,2]), attributes: new Float64Array(0),
    carry: none, gradients: none, onlyGradients: 0, loss: -1, optimizer: 0, host, control: shared(Float64Array, workerData.control), threads: 0, precision: 0, device: 0 })
  for (let step = 0; step < workerData.steps; step++) await addon.planRun(plan, 0)
}
const all = [1, 16, 64, 256, 1024, 2048, 4096, 8192].map(forever)
parentPort.postMessage('running')
Promise.all(all).then(() => parentPort.postMessage('done'))
`

const file = addonReport().file
const start = (steps: number): Worker =>
  new Worker(body, { eval: true, workerData: { control: createControl().values.length, file, steps } })
const message = (worker: Worker, wanted: string): Promise<void> =>
  new Promise((done, fail) => {
    worker.on('message', (text) => text === wanted && done())
    worker.once('error', fail)
  })

t.test('workers run plans side by side', async (t) => {
  const workers = [start(20), start(20), start(20)]
  await Promise.all(workers.map((worker) => message(worker, 'done')))
  await Promise.all(workers.map((worker) => worker.terminate()))
  t.pass('all done')
})

t.test('ending workers with jobs in flight', async (t) => {
  const times = rounds(5, 15, 250)
  for (let round = 0; round < times; round++) {
    const workers = [0, 1, 2, 3].map(() => start(Infinity))
    await Promise.all(workers.map((worker) => message(worker, 'running')))
    await new Promise((done) => setTimeout(done, round % 7))
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  t.pass(`${times * 4} workers ended`)
})
