// A generation as a caller sees it: chunks to iterate over, the end, and the abort.

import { abortError } from '../../graph/abort.js'
import { expected } from '../../errors.js'
import { joined as joinedValues, type Job } from './job.js'
import type { Scheduler } from './scheduler.js'
import type { Chunk, Generation, ScoredToken } from './types.js'

/** Returns the chunks of all of a generation as one. */
async function joined(chunks: AsyncIterable<Chunk>): Promise<Chunk> {
  const tokens: number[] = []
  const scores: ScoredToken[] = []
  const promptScores: ScoredToken[] = []
  const blocks: Chunk[] = []
  let text = ''
  for await (const chunk of chunks) {
    for (const token of chunk.tokens) tokens.push(token)
    for (const score of chunk.scores) scores.push(score)
    for (const score of chunk.promptScores) promptScores.push(score)
    text += chunk.text
    blocks.push(chunk)
  }
  const values = joinedValues(blocks.map((block) => block.values))
  const outputs = joinedValues(blocks.map((block) => block.outputs))
  return { tokens: Int32Array.from(tokens), text, scores, promptScores, values, outputs }
}

/** Returns the generation of a job, and lets `signal` abort it. */
export function generationOf(job: Job, scheduler: Scheduler, signal: AbortSignal | undefined): Generation {
  const aborted = () => scheduler.cancel(job, abortError(signal!))
  signal?.addEventListener('abort', aborted, { once: true })
  void job.finished.catch(() => {}).then(() => signal?.removeEventListener('abort', aborted))
  const cancel = () =>
    scheduler.cancel(
      job,
      expected('ERR_ABORTED', 'to finish', 'an abort by the caller', 'generate again to get the rest')
    )
  let iterated = false
  let turn: Promise<unknown> = Promise.resolve()
  const take = async (): Promise<IteratorResult<Chunk, undefined>> => {
    const value = await job.take()
    scheduler.resume(job)
    return value ? { done: false, value } : { done: true, value: undefined }
  }
  const generation: Generation = {
    finished: job.finished,
    abort: cancel,
    async result() {
      const chunk = await joined(generation)
      return { ...chunk, ...(await job.finished) }
    },
    [Symbol.asyncIterator]() {
      if (iterated) {
        const found = 'a second iteration of it'
        throw expected(
          'ERR_INVALID_ARGUMENT',
          'one iteration of a generation',
          found,
          'keep the chunks of the first one'
        )
      }
      iterated = true
      return {
        next() {
          // Calls that overlap take turns.
          const result = turn.then(take)
          turn = result.catch(() => {})
          return result
        },
        return() {
          cancel()
          return Promise.resolve({ done: true, value: undefined })
        }
      }
    }
  }
  return generation
}
