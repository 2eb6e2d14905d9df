// The queue for rows: priorities, equal shares of clients, generations that ended while they waited.
import t from 'tap'
import { ReadyQueue, type Client, type Queued } from '../../../src/generate/engine/ready-queue.js'

interface Waiting extends Queued {
  name: string
  isReady: boolean
}
let order = 0
const waiting = (name: string, client: Client, priority = 0): Waiting => ({
  ...{ name, client, priority, order: order++, key: 0, isReady: true }
})
const client = (): Client => ({ pass: 0, jobs: 0 })
const names = (queue: ReadyQueue<Waiting>): string => {
  let all = ''
  for (let job = queue.pop(); job; job = queue.pop()) all += job.name
  return all
}

t.test('the highest priority first, then the order of arrival', async (t) => {
  const queue = new ReadyQueue<Waiting>()
  for (const [name, priority] of [
    ['a', 0],
    ['b', 1],
    ['c', -1],
    ['d', 1],
    ['e', 0]
  ] as const)
    // prettier-ignore
    queue.push(waiting(name, client(), priority), 10)
  t.equal(names(queue), 'bdaec')
  t.equal(queue.pop(), undefined)
})

t.test('clients take turns, however many generations each has', async (t) => {
  const queue = new ReadyQueue<Waiting>()
  const [many, one] = [client(), client()]
  for (const name of 'AAAA') queue.push(waiting(name, many), 10)
  for (const name of 'bb') queue.push(waiting(name, one), 10)
  t.equal(names(queue), 'AbAbAA')
})

t.test('a client that comes late has no claim on the past', async (t) => {
  const queue = new ReadyQueue<Waiting>()
  const early = client()
  for (let i = 0; i < 50; i++) {
    queue.push(waiting('e', early), 10)
    queue.pop()
  }
  const late = client()
  for (const name of 'lll') queue.push(waiting(name, late), 10)
  for (const name of 'ee') queue.push(waiting(name, early), 10)
  t.equal(names(queue), 'llele')
})

t.test('generations that ended do not pile up behind one that stays', async (t) => {
  const queue = new ReadyQueue<Waiting>()
  const first = waiting('a', client(), 1)
  queue.push(first, 1)
  let asked = 0
  for (let i = 0; i < 5000; i++)
    queue.push({ ...waiting('z', client()), get isReady() { asked++; return false } }, 1) // prettier-ignore
  queue.push(waiting('b', client()), 1)
  asked = 0
  t.equal(names(queue), 'ab')
  t.ok(asked <= 64, `${asked} of 5000 were still there`)
})

t.test('generations that ended are left out', async (t) => {
  const queue = new ReadyQueue<Waiting>()
  const all = [...'abcdefgh'].map((name) => waiting(name, client()))
  for (const job of all) queue.push(job, 1)
  for (const at of [0, 3, 7]) all[at]!.isReady = false
  t.equal(names(queue), 'bcefg')
})
