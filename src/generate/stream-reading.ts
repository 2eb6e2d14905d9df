// Reading of tokens into a stream, one by one or, for a long prompt, in blocks, on the caller's thread or on the engine's thread.

import { expected, show } from '../errors.js'
import { BLOCK_MS } from './seats.js'
import { PROMPT_BLOCK } from './session-kind.js'
import type { SessionPlan } from './session-plan.js'
import type { StreamValue } from './stream-value.js'
import { inPlan } from './together.js'

/** Throws ERR_OUT_OF_RANGE unless `id` is an integer from 0 to 2^31 - 1. The core checks that the vocabulary has it. */
function checkToken(id: number): void {
  if (typeof id !== 'number' || (id | 0) !== id || id < 0) {
    throw expected(
      'ERR_OUT_OF_RANGE',
      'token ids as integers >= 0',
      show(id),
      "encode the text with the model's vocabulary"
    )
  }
}

/** Reads one token. Returns a view of the logits after it. */
export function readToken(value: StreamValue, id: number): Float32Array {
  checkToken(id)
  const plan = value.enter()
  const { inputs, outputs } = plan.plan
  const next = inputs[value.kind.token]!
  const drawn = next[0]!
  next[0] = id
  try {
    plan.stepSync(value.core.value)
  } catch (error) {
    next[0] = drawn
    throw error
  }
  value.ready = true
  value.stale = false
  return outputs[value.kind.logits] as Float32Array
}

/** Writes a block of tokens from index `at` on into a plan of blocks. */
function writeBlock(value: StreamValue, plan: SessionPlan, tokens: ArrayLike<number>, at: number): void {
  const ids = plan.plan.inputs[value.kind.token]!
  for (let i = 0; i < PROMPT_BLOCK; i++) ids[i] = tokens[at + i]!
}

/**
 * Checks the tokens of a block. Returns whether the block must run: the output of a model without carried states depends on the last token
 * only, so its blocks are counted and not run.
 */
function beginBlock(value: StreamValue, tokens: ArrayLike<number>, at: number): boolean {
  for (let i = 0; i < PROMPT_BLOCK; i++) checkToken(tokens[at + i]!)
  value.ready = false // until the last token, which always has a run of its own
  const { core } = value
  const carries = Object.keys(core.value.states).length > 0
  if (!carries) core.value.position += PROMPT_BLOCK
  return carries
}

/** Reads one block or the rest of `tokens` from index `at` on; returns the index of the next token to read. */
export function readSome(value: StreamValue, tokens: ArrayLike<number>, at: number): number {
  value.checkIdle()
  if (tokens.length - at <= PROMPT_BLOCK) {
    while (at < tokens.length) readToken(value, tokens[at++]!)
    return at
  }
  if (!beginBlock(value, tokens, at)) return at + PROMPT_BLOCK
  const { kind, pool, value: session } = value.core
  const plan = pool.take(kind, 1, 'prompt')
  try {
    plan.load([session])
    writeBlock(value, plan, tokens, at)
    plan.plan.runSync()
    plan.store([session], PROMPT_BLOCK)
  } finally {
    pool.give(kind, plan, 'prompt')
  }
  return at + PROMPT_BLOCK
}

/** Reads in a seat as many blocks as fit into BLOCK_MS, from index `from` on; returns the index of the next token to read. */
export async function readAway(value: StreamValue, tokens: ArrayLike<number>, from: number): Promise<number> {
  const begin = performance.now()
  const inTime = () => performance.now() - begin < BLOCK_MS
  const isLong = (at: number) => tokens.length - at > PROMPT_BLOCK
  let at = from
  if (isLong(at)) {
    do at += await readBlock(value, tokens, at)
    while (isLong(at) && inTime())
  }
  if (at === from || (!isLong(at) && inTime())) at += await readRest(value, tokens, at)
  return at
}

async function readBlock(value: StreamValue, tokens: ArrayLike<number>, at: number): Promise<number> {
  const { core } = value
  if (!beginBlock(value, tokens, at)) return PROMPT_BLOCK
  return inPlan(core, [core.value], 'prompt', async (plan) => {
    writeBlock(value, plan, tokens, at)
    await plan.plan.run()
    return { steps: PROMPT_BLOCK, result: PROMPT_BLOCK }
  })
}

async function readRest(value: StreamValue, tokens: ArrayLike<number>, at: number): Promise<number> {
  const { core } = value
  const count = tokens.length - at
  value.stale = false
  await inPlan(core, [core.value], 'run', async (plan) => {
    for (let steps = 0; steps < count; steps++) {
      const id = tokens[at + steps]!
      checkToken(id)
      plan.plan.inputs[value.kind.token]![0] = id
      await plan.step(core.value, steps)
    }
    return { steps: count, result: undefined }
  })
  value.ready = true
  return count
}
