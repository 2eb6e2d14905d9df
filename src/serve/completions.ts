// Completions: one request to one or several texts, at once or as a stream of events.

import { randomInt, randomUUID } from 'node:crypto'
import { expected } from '../errors.js'
import type { Chunk, Finish, Generation, TokenOptions } from '../generate/engine/types.js'
import { TextChoice, addLogprobs, type TextPiece, type ReadPrompt } from './choice.js'
import { tokenOptions, type CompletionRequest, type Prompt } from './completion-request.js'
import { errorAnswer, RequestError } from './errors.js'
import type { EventStream } from './event-stream.js'
import { FlushClock } from './flush-clock.js'
import type { RequestMeter } from './meter.js'
import type { ModelVersion, TextService } from './model-version.js'

/** Begins a text: as a sequence of its own, or in a session. */
export type BeginText = (prompt: Int32Array, options: TokenOptions) => Generation

/** A request that can be answered. */
export interface Completion {
  readonly version: ModelVersion
  readonly service: TextService
  readonly request: CompletionRequest
  readonly signal: AbortSignal
  readonly meter: RequestMeter
  readonly begin: BeginText
  /** Seed of the first text; undefined for that of a session. */
  readonly seed: number | undefined
  /** Further fields of the answer. */
  readonly extra: Readonly<Record<string, unknown>>
  /** Whether a text without a prompt may continue a session. */
  readonly mayContinue: boolean
}

/** Returns a seed for a request without one. */
export function randomSeed(): number {
  return randomInt(2 ** 48 - 1)
}

function readPrompt({ vocabulary, promptIds }: TextService, prompt: Prompt, mayContinue: boolean): ReadPrompt {
  if (typeof prompt !== 'string') return { ids: prompt, text: vocabulary.decode(prompt, { skipSpecial: true }) }
  return { ids: prompt === '' && mayContinue ? new Int32Array(0) : promptIds(prompt), text: prompt }
}

/** Most tokens with log probabilities of one answer: each takes about 500 bytes until it is sent. */
const MOST_SCORED = 2 ** 18
/** Most tokens of the prompts of one request, those of each text counted: each text reads a copy of its prompt. */
const MOST_READ = 2 ** 22

/** Throws a 400 for a request whose answer, or whose prompts, would take too much memory. */
function checkSize({ best_of, logprobs, echo, stream, max_tokens }: CompletionRequest, prompts: readonly ReadPrompt[]) {
  const read = best_of * prompts.reduce((sum, { ids }) => sum + ids.length, 0)
  if (read > MOST_READ) throw tooMany('prompt', `${MOST_READ} tokens in all prompts of the texts`, read)
  if (logprobs === undefined) return
  const scored = (echo ? read : 0) + (stream ? 0 : best_of * prompts.length * max_tokens)
  if (scored > MOST_SCORED) throw tooMany('logprobs', `${MOST_SCORED} tokens with logprobs in one answer`, scored)
}

function tooMany(param: string, what: string, found: number): RequestError {
  const remedy = 'ask for fewer texts or tokens, or for a stream'
  return new RequestError(400, expected('ERR_INVALID_ARGUMENT', `at most ${what}`, `${found}`, remedy), { param })
}

/** Begins all texts of a request, `best_of` for each prompt. If one is refused, none runs. */
export function beginTexts(completion: Completion): TextChoice[] {
  const { service, request, signal, begin, seed, meter } = completion
  const { best_of, n, user } = request
  const prompts = request.prompts.map((prompt) => readPrompt(service, prompt, completion.mayContinue))
  checkSize(request, prompts)
  const choices: TextChoice[] = []
  // The texts of a request are those of one client.
  const client = user ?? randomUUID()
  try {
    for (const prompt of prompts)
      for (let i = 0; i < best_of; i++) {
        const own = seed === undefined ? undefined : (seed + choices.length) % 2 ** 53
        const options = tokenOptions(request, { seed: own, endToken: service.endToken })
        const generation = begin(prompt.ids, { ...options, client, signal })
        const { logprobs, echo } = request
        choices.push(new TextChoice(service, generation, prompt, { logprobs, echo, ranks: best_of > n }))
      }
  } catch (error) {
    for (const { generation } of choices) generation.abort()
    throw error
  }
  meter.begun()
  return choices
}

/** Returns the fields that all objects of an answer have. */
function headOf({ version, extra }: Completion) {
  return {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion' as const,
    created: Math.floor(Date.now() / 1000),
    model: version.id,
    system_fingerprint: version.fingerprint,
    ...extra
  }
}

/** Returns the usage of a request. The prompt of several texts counts once. */
function usageOf(finishes: readonly Finish[], perPrompt: number) {
  const firsts = finishes.filter((_, i) => i % perPrompt === 0)
  const prompt = firsts.reduce((sum, { promptTokens }) => sum + promptTokens, 0)
  const cached = firsts.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0)
  const drawn = finishes.reduce((sum, { drawnTokens }) => sum + drawnTokens, 0)
  return {
    prompt_tokens: prompt,
    completion_tokens: drawn,
    total_tokens: prompt + drawn,
    prompt_tokens_details: { cached_tokens: cached }
  }
}

/** Waits for all texts of a request and returns the answer. */
export async function answerWhole(completion: Completion, choices: readonly TextChoice[]): Promise<object> {
  const { request, meter } = completion
  const { n, best_of } = request
  const head = headOf(completion)
  const texts = await allOf(choices, async (choice) => {
    let [text, logprobs] = [choice.begin(), null as TextPiece['logprobs']]
    const add = (piece: TextPiece) => {
      meter.drew(piece.drawn)
      text += piece.text
      logprobs = addLogprobs(logprobs, piece.logprobs)
    }
    await eachPaced(choice.generation, (chunk) => add(choice.take(chunk)))
    const finish = await choice.generation.finished
    add(choice.end(finish))
    meter.finished(finish)
    return { text, logprobs, finish, rank: choice.rank }
  })
  const best = request.prompts.flatMap((_, p) => {
    const own = texts.slice(p * best_of, (p + 1) * best_of)
    return best_of > n ? own.sort((a, b) => b.rank - a.rank).slice(0, n) : own
  })
  return {
    ...head,
    choices: best.map(({ text, logprobs, finish }, index) => ({ index, text, logprobs, finish_reason: finish.reason })),
    usage: usageOf(texts.map(({ finish }) => finish), best_of) // prettier-ignore
  }
}

/** Waits for the texts of a request; the first error ends all of them. */
async function allOf<T>(
  choices: readonly TextChoice[],
  work: (choice: TextChoice, index: number) => Promise<T>
): Promise<T[]> {
  try {
    return await Promise.all(choices.map(work))
  } catch (error) {
    for (const { generation } of choices) generation.abort()
    throw error
  }
}

/** Milliseconds between two events of a text: tokens that come meanwhile share one. */
const FLUSH_TIME = 10
const clock = new FlushClock(FLUSH_TIME)

/** Returns the JSON of an object with the fields of `head` and more, of which those of `head` are written only once. */
function jsonWith(head: object, last: object): (choices: unknown) => string {
  const [begin, end] = [JSON.stringify(head).slice(0, -1), JSON.stringify(last).slice(1)]
  return (choices) => `${begin},"choices":${JSON.stringify(choices)}${end === '}' ? '' : ','}${end}`
}

/** Sends the texts of a request as events; `last` is called with no error after all of them. */
export async function answerStream(
  completion: Completion,
  choices: readonly TextChoice[],
  events: EventStream,
  facts: { bodyLimit: number; draining: boolean; log(error: unknown): void; done(): Promise<void> }
): Promise<void> {
  const { request, meter } = completion
  const head = headOf(completion)
  const eventOf = jsonWith(head, request.includeUsage ? { usage: null } : {})
  const dataOf = (index: number, { text, logprobs }: Pick<TextPiece, 'text' | 'logprobs'>, reason: string | null) =>
    eventOf([{ index, text, logprobs, finish_reason: reason }])
  try {
    const finishes = await allOf(choices, async (choice, index) => {
      const begin = choice.begin()
      if (begin !== '') await events.send(() => dataOf(index, { text: begin, logprobs: null }, null))
      const data = (chunk: Chunk) => {
        const piece = choice.take(chunk)
        meter.drew(piece.drawn)
        return piece.text !== '' || piece.logprobs ? dataOf(index, piece, null) : ''
      }
      await eachPaced(choice.generation, (chunk) => events.send(() => data(chunk)))
      const finish = await choice.generation.finished
      meter.finished(finish)
      await events.send(() => dataOf(index, choice.end(finish), finish.reason))
      return finish
    })
    await facts.done()
    if (request.includeUsage)
      await events.send(() => JSON.stringify({ ...head, choices: [], usage: usageOf(finishes, request.n) }))
    events.end('[DONE]')
  } catch (error) {
    const { body, isOurs } = errorAnswer(error, facts)
    if (isOurs) facts.log(error)
    events.end(JSON.stringify(body))
  }
}

/** Calls `use` for each chunk of a generation, at once for the first one and no faster than FLUSH_TIME for the others; the end is not delayed. */
async function eachPaced(generation: Generation, use: (chunk: Chunk) => Promise<void> | void): Promise<void> {
  const beat = clock.beat()
  generation.finished.then(beat.end, beat.end)
  for await (const chunk of generation) {
    await use(chunk)
    await beat.next()
  }
}
