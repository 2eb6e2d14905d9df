// Reading of tokens into a stream, one by one or, for a long prompt, in blocks, on the caller's thread or on the engine's thread.

import { GatecellError, show } from '../errors.js'
import { BLOCK_MS } from './seats.js'
import { PROMPT_BLOCK, type Steps } from './steps.js'
import type { StreamValue } from './stream-value.js'

/** Throws ERR_OUT_OF_RANGE unless `id` is an integer from 0 to 2^31 - 1. The core checks that the vocabulary has it. */
function checkToken(id: number): void {
  if (typeof id !== 'number' || (id | 0) !== id || id < 0) {
    throw new GatecellError(
      'ERR_OUT_OF_RANGE',
      `Expected token ids as integers >= 0 but received ${show(id)}: encode the text with the model's vocabulary.`
    )
  }
}

/** Reads one token. The value must be in the engine's plans. */
export function readToken(value: StreamValue, id: number): void {
  checkToken(id)
  const { plan, token } = value.engine
  token[0] = id
  plan.runSync()
  plan.control.advance(1)
  value.ready = true
  value.stale = false
}

/** Reads one block or the rest of `tokens` from index `at` on; returns the index of the next token to read. */
export function readSome(value: StreamValue, tokens: ArrayLike<number>, at: number): number {
  value.enterAlone()
  if (tokens.length - at <= PROMPT_BLOCK) {
    while (at < tokens.length) readToken(value, tokens[at++]!)
    return at
  }
  for (let i = 0; i < PROMPT_BLOCK; i++) checkToken(tokens[at + i]!)
  value.engine.runBlock(tokens, at)
  value.engine.plan.control.advance(PROMPT_BLOCK)
  value.ready = false // until the last token, which always has a run of its own
  return at + PROMPT_BLOCK
}

/** Reads in a seat as many blocks as fit into BLOCK_MS, from index `from` on; returns the index of the next token to read. */
export async function readAway(
  value: StreamValue,
  seat: Steps,
  tokens: ArrayLike<number>,
  from: number
): Promise<number> {
  value.stale = false
  const begin = performance.now()
  let at = from
  do {
    const whole = tokens.length - at > PROMPT_BLOCK
    const end = whole ? at + PROMPT_BLOCK : tokens.length
    for (let i = at; i < end; i++) checkToken(tokens[i]!)
    if (whole) await seat.runBlockAsync(tokens, at)
    else for (let i = at; i < end; i++) await seat.readAsync(tokens[i]!)
    at = end
  } while (at < tokens.length && performance.now() - begin < BLOCK_MS)
  value.ready = at === tokens.length
  return at
}
