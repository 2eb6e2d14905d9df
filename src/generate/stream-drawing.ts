// Drawing of a stream's tokens, in one native loop on the caller's thread or in blocks on the engine's thread. Each run of the loop reads
// the previous token and draws the next one. The last token drawn is kept for the next call, which returns it first.

import { integer } from '../check/index.js'
import { expected } from '../errors.js'
import type { StreamValue } from './stream-value.js'
import type { GenerateOptions, SampleOptions } from './stream-types.js'
import { inPlan } from './together.js'

/** Throws ERR_INVALID_ARGUMENT unless a token was read since the last change of the state. */
export function checkReady(value: StreamValue): void {
  if (!value.ready)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'at least one token fed before the first draw',
      'none',
      'call feed() or step() first'
    )
}

/** Returns the token that the last run drew; draws it again if the settings have changed since. */
function firstOf(value: StreamValue): number {
  checkReady(value)
  if (value.stale) value.refreshDraw()
  value.stale = false
  return value.next[0]!
}

/** Draws `count` tokens, or fewer if `stop` is drawn, which is the last one returned and is read too. */
export function draw(value: StreamValue, count: number, { stop = -1 }: SampleOptions): Int32Array {
  integer(0, 2 ** 30)(count, 'count')
  const plan = value.enter()
  const first = firstOf(value)
  const out = new Int32Array(count)
  if (count === 0) return out
  const session = value.core.value
  const runs = first === stop ? 0 : plan.runSync(session, count, stop, out)
  out.copyWithin(1, 0, count - 1)
  out[0] = first
  if (runs === count) return out
  plan.stepSync(session) // reads `stop`, which the last run has fed
  return out.subarray(0, runs + 1)
}

/** Does what `draw` does in a seat, for at most MOST_DRAWS tokens. */
async function drawAway(value: StreamValue, count: number, stop: number): Promise<Int32Array> {
  const { core, kind } = value
  const first = firstOf(value)
  return inPlan(core, [core.value], 'run', async (plan) => {
    const runs = first === stop ? 0 : await plan.run(count, stop)
    const stopped = runs < count
    const out = new Int32Array(stopped ? runs + 1 : count)
    const drawn = plan.block(0, runs).values[kind.token] as Int32Array
    out[0] = first
    out.set(stopped ? drawn : drawn.subarray(0, -1), 1)
    if (stopped) await plan.step(core.value, runs)
    return { steps: runs + Number(stopped), result: out }
  })
}

/** Draws blocks in seats, small ones first, until `length` tokens or `stop` were drawn. Throws ERR_ABORTED if `signal` aborts. */
export async function* drawBlocks(
  value: StreamValue,
  { length = Infinity, stop = -1, signal }: GenerateOptions
): AsyncGenerator<Int32Array, void, undefined> {
  const { seats } = value.core.pool
  let block = 1
  for (let left = length; left > 0;) {
    const tokens = await value.inSeat(signal, async () => {
      const begin = performance.now()
      const drawn = await drawAway(value, Math.min(block, left), stop)
      block = seats.nextBlock(drawn.length, performance.now() - begin)
      return drawn
    })
    left -= tokens.length
    yield tokens
    if (tokens[tokens.length - 1] === stop) return
  }
}
