// A server under mixed load with faults: clients that leave in every phase or read slowly, bad requests, sessions that move, models that are
// replaced. Prints its measurements, and fails if a check of the end fails:
//   npm run faults -- [--minutes 30] [--seed 1] [--redis] [--times] [--series rss.csv]
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { loopDelayOf } from '../dist/esm/bench/load/server-process.js'
import { createRandom } from '../dist/esm/random.js'
import { actors, deleteSession } from './faults/actors.mjs'
import { trendOf } from './faults/trend.mjs'
import { openWorld } from './faults/world.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    // Sessions live in a redis-server that is killed and started again.
    redis: { type: 'boolean', default: false },
    // Also judge the delay of the event loop, which other work on the machine makes longer.
    times: { type: 'boolean', default: false },
    series: { type: 'string' }
  }
})
const duration = 60_000 * Number(values.minutes)
const random = createRandom(Number(values.seed), 'bench.faults')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
/** Share of the run before the memory is judged. */
const WARM_UP = 0.3
const MOST_GROWTH = 1
/** Shortest run in minutes whose memory is judged: caches and compiled code of a server grow for about a quarter of an hour. */
const SHORTEST_JUDGED = 20
const MOST_DELAY = 10
const IDLE_GAUGES = ['gatecell_requests_running', 'gatecell_requests_waiting', 'gatecell_sessions_paused', 'gatecell_sessions_live'] // prettier-ignore

/** Returns the resident memory of a process in MB. */
function residentOf(pid) {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return kilobytes / 1000
}

/** Measures memory and event loop until `until`: rows of minutes, MB, and milliseconds of delay. */
async function watch({ server }, begin, until) {
  const rows = []
  const turn = Math.min(2000, duration / 60)
  while (performance.now() < until) {
    await sleep(turn)
    const delay = loopDelayOf(await server.measurements())
    rows.push([(performance.now() - begin) / 60_000, residentOf(server.pid), delay])
  }
  return rows
}

async function act(world, { actor, pause }, until) {
  while (performance.now() < until) {
    await actor(world)
    await world.pause(pause)
  }
}

/** Waits until the server holds nothing of the clients. Returns the gauges that are not zero. */
async function restOf(world) {
  let busy = []
  for (let i = 0; i < 500; i++) {
    const found = await world.server.measurements()
    busy = IDLE_GAUGES.filter((name) => found.get(name) !== 0)
    if (busy.length === 0) break
    await sleep(20)
  }
  return busy
}

/** Returns the lines of the log that report errors, and those that Node.js itself prints. */
function complaintsIn(errors) {
  return errors.split('\n').filter((line) => line !== '' && !(line.startsWith('{') && JSON.parse(line).level < 50))
}

function judge(world, rows, { busy, code, complaints }) {
  const settled = rows.filter(([minute]) => minute >= WARM_UP * Number(values.minutes))
  const { mean, slope, margin } = trendOf(settled.map(([minute, resident]) => [minute / 60, resident]))
  const [growth, noise] = [(100 * slope) / mean, (100 * margin) / mean]
  const delays = rows.map(([, , delay]) => delay).sort((a, b) => a - b)
  const [median, worst] = [delays[delays.length >> 1], delays.at(-1)]
  for (const [kind, count] of [...world.counts].sort()) console.log(`${String(count).padStart(7)}  ${kind}`)
  console.log(`memory      ${mean.toFixed(1)} MB, ${growth.toFixed(2)} % an hour, 95 % interval +- ${noise.toFixed(2)}`)
  console.log(`event loop  99th percentile of its delay: median ${median.toFixed(2)} ms, worst ${worst.toFixed(2)} ms`)
  const isFlat = growth - noise <= MOST_GROWTH
  const isJudged = Number(values.minutes) >= SHORTEST_JUDGED
  const checks = [
    ...world.failures.map((failure) => [false, failure]),
    ...(isJudged ? [[isFlat, `memory grows by at most ${MOST_GROWTH} % an hour`]] : []),
    [busy.length === 0, `gauges are zero at the end ${busy.join(' ')}`],
    [code === 0, `the exit code is 0, got ${code}`],
    [complaints.length === 0, `no error is logged ${complaints.slice(0, 5).join(' | ')}`],
    ...(values.times ? [[median <= MOST_DELAY, `the event loop is at most ${MOST_DELAY} ms late`]] : [])
  ]
  if (!isJudged) console.log(`note        memory is judged in runs of at least ${SHORTEST_JUDGED} minutes`)
  else if (isFlat && growth + noise > MOST_GROWTH)
    console.log(`note        the run cannot show less than ${(growth + noise).toFixed(1)} % an hour: run it for longer`)
  for (const [isTrue, what] of checks) console.log(`${isTrue ? 'ok    ' : 'FAILED'}      ${what}`)
  return checks.every(([isTrue]) => isTrue)
}

const world = await openWorld(() => random.uniform(), values.redis)
const begin = performance.now()
const until = begin + duration
const watching = watch(world, begin, until)
const acting = actors.flatMap((one) => Array.from({ length: one.count }, () => act(world, one, until)))
await Promise.all(acting)
const rows = await watching
for (const path of [...world.sessions]) await deleteSession(world, path)
const busy = await restOf(world)
const measured = await world.server.measurements()
world.check((measured.get('gatecell_texts_total') ?? 0) > 0, 'texts were made')
const { code, errors } = await world.close()
if (values.series)
  writeFileSync(values.series, `minute,rss_mb,delay_ms\n${rows.map((row) => row.join(',')).join('\n')}\n`)
process.exitCode = judge(world, rows, { busy, code, complaints: complaintsIn(errors) }) ? 0 : 1
