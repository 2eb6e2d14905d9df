// Drawing of a stream's tokens, in one native loop on the caller's thread or in blocks on the engine's thread. Each run of the loop reads
// the previous token and draws the next one. The last token drawn is kept for the next call, which returns it first.

import { integer } from '../check/index.js'
import { GatecellError } from '../errors.js'
import type { Steps } from './steps.js'
import { readToken } from './stream-reading.js'
import type { GenerateOptions, SampleOptions } from './stream-types.js'
import type { StreamValue } from './stream-value.js'

/** Throws ERR_INVALID_ARGUMENT unless a token was read since the last change of the state. */
export function checkReady(value: StreamValue): void {
  if (!value.ready)
    throw new GatecellError(
      'ERR_INVALID_ARGUMENT',
      'Expected at least one token fed before the first draw but there is none: call feed() or step() first.'
    )
}

/** Returns the token that the last run drew; draws it again if the settings have changed since. */
function firstOf(value: StreamValue, from: Steps): number {
  checkReady(value)
  if (value.stale) from.sampled[0] = from.redraw(value.settings.seed, from.plan.control.step - 1)
  value.stale = false
  return from.sampled[0]!
}

/** Draws `count` tokens, or fewer if `stop` is drawn, which is the last one returned and is read too. */
export function draw(value: StreamValue, count: number, { stop = -1 }: SampleOptions): Int32Array {
  integer(0, 2 ** 30)(count, 'count')
  value.enterAlone()
  const { engine } = value
  const first = firstOf(value, engine)
  const out = new Int32Array(count)
  if (count === 0) return out
  if (first === stop) {
    readToken(value, first)
    return out.fill(first, 0, 1).subarray(0, 1)
  }
  engine.token[0] = first
  const runs = engine.generate(count, stop, out)
  out.copyWithin(1, 0, count - 1)
  out[0] = first
  if (runs === count) return out
  readToken(value, stop)
  return out.subarray(0, runs + 1)
}

/** Does the same as `draw` in a seat, for at most MOST_DRAWS tokens. */
async function drawAway(value: StreamValue, seat: Steps, count: number, stop: number): Promise<Int32Array> {
  const first = firstOf(value, seat)
  seat.token[0] = first
  const drawn = first === stop ? new Int32Array(0) : await seat.generateAsync(count, stop)
  const stopped = drawn.length < count
  const out = new Int32Array(stopped ? drawn.length + 1 : count)
  out[0] = first
  out.set(stopped ? drawn : drawn.subarray(0, -1), 1)
  if (stopped) await seat.readAsync(stop)
  return out
}

/** Draws blocks in seats, small ones first, until `length` tokens or `stop` were drawn. Throws ERR_ABORTED. */
export async function* drawBlocks(
  value: StreamValue,
  { length = Infinity, stop = -1, signal }: GenerateOptions
): AsyncGenerator<Int32Array, void, undefined> {
  let block = 1
  for (let left = length; left > 0;) {
    const tokens = await value.inSeat(signal, async (seat) => {
      const begin = performance.now()
      const drawn = await drawAway(value, seat, Math.min(block, left), stop)
      block = value.engine.seats.nextBlock(drawn.length, performance.now() - begin)
      return drawn
    })
    left -= tokens.length
    yield tokens
    if (tokens[tokens.length - 1] === stop) return
  }
}
