// The body of a request for completions, as OpenAI's API and vLLM describe it.

import { boolean, integer, integers, list, number, record, string } from '../check/index.js'
import { expected, isObject, show } from '../errors.js'
import type { TokenOptions } from '../generate/engine/types.js'
import type { JsonObject } from '../io/json.js'
import { jsonSchema, setting, withDefaults, type Given, type Group, type Values } from '../settings/index.js'
import { inField, RequestError } from './errors.js'

/** Most texts that one request may ask for. */
export const MOST_TEXTS = 128
const MOST_STOPS = 4
/** Most entries of logit_bias: each text of a request checks and copies them. */
const MOST_BIASES = 1024
const penalty = { min: -2, max: 2, default: 0, flag: null } as const

/** The fields of the body that are single values. null counts as absent. */
export const completionSettings = {
  max_tokens: setting.integer({ min: 0, default: 16, flag: null, unit: 'tokens', help: 'most tokens of a text' }),
  temperature: setting.number({
    min: 0,
    max: 2,
    default: 1,
    flag: null,
    help: 'divisor of the logits; 0 takes the most probable token'
  }),
  top_p: setting.number({
    min: 0,
    max: 1,
    default: 1,
    flag: null,
    help: 'draw from the most probable tokens that sum to this probability; 0 takes the most probable one'
  }),
  n: setting.integer({ min: 1, max: MOST_TEXTS, default: 1, flag: null, help: 'texts for each prompt' }),
  best_of: setting.integer({
    min: 1,
    max: MOST_TEXTS,
    absent: true,
    defaultText: 'n',
    flag: null,
    help: 'texts that are written for each prompt; the n most probable ones are returned. Not with stream'
  }),
  stream: setting.flag({ default: false, flag: null, help: 'whether the answer comes as server-sent events' }),
  logprobs: setting.integer({
    min: 0,
    max: 5,
    absent: true,
    flag: null,
    help: 'return the log probability of each token, and of this many of the most probable ones at its place'
  }),
  echo: setting.flag({ default: false, flag: null, help: 'whether the prompt is the beginning of the text' }),
  presence_penalty: setting.number({ ...penalty, help: 'subtracted from the logits of tokens that the text has' }),
  frequency_penalty: setting.number({
    ...penalty,
    help: 'subtracted from the logits of tokens for each time that the text has them'
  }),
  seed: setting.integer({
    min: 0,
    absent: true,
    defaultText: 'a random one',
    flag: null,
    help: 'seed of the draws: the same request with the same fingerprint of the model has the same texts'
  }),
  user: setting.text({ absent: true, flag: null, help: 'name of the user among whom the steps are shared fairly' }),
  top_k: setting.integer({
    min: -1,
    max: 2 ** 24,
    default: 0,
    flag: null,
    help: 'draw from this many of the most probable tokens; 0 or -1: from all'
  }),
  min_p: setting.number({
    min: 0,
    max: 1,
    default: 0,
    flag: null,
    help: 'draw from tokens whose probability is at least this share of the largest one'
  }),
  repetition_penalty: setting.number({
    min: 0.001,
    max: 1000,
    default: 1,
    flag: null,
    help: 'divisor of positive logits and factor of negative ones of tokens of the prompt and of the text'
  }),
  ignore_eos: setting.flag({ default: false, flag: null, help: 'whether the text continues after the end token' }),
  include_stop_str_in_output: setting.flag({
    default: false,
    flag: null,
    help: 'whether the text contains the stop text that ended it'
  })
} satisfies Group

/** The prompt of a request: a text, or tokens. */
export type Prompt = string | Int32Array

/** A checked request. */
export interface CompletionRequest extends Omit<Values<typeof completionSettings>, 'best_of'> {
  readonly prompts: readonly Prompt[]
  readonly best_of: number
  /** Whether a last event has the usage. */
  readonly includeUsage: boolean
  readonly stop: readonly string[]
  readonly stopTokens: readonly number[]
  readonly logitBias: Readonly<Record<string, number>>
}

const ofText = { type: 'string' }
const ofTokens = { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 }

/** Returns the JSON Schema of the body. Fields that it does not name are ignored. */
export function completionSchema(): JsonObject {
  const { properties } = jsonSchema(completionSettings) as { properties: Record<string, JsonObject> }
  const fields = Object.entries(properties).map(([name, schema]) => [name, nullableSchema(schema)])
  return {
    type: 'object',
    properties: {
      model: { type: ['string', 'null'], description: 'name of the model; may be left out if there is only one' },
      prompt: {
        anyOf: [
          ofText,
          { type: 'array', items: ofText, minItems: 1 },
          ofTokens,
          { type: 'array', items: ofTokens, minItems: 1 },
          { type: 'null' }
        ],
        description: 'text or tokens to continue, or several of them'
      },
      ...(Object.fromEntries(fields) as JsonObject),
      stop: {
        anyOf: [
          { type: 'string' },
          { type: 'array', items: { type: 'string', minLength: 1 }, maxItems: MOST_STOPS },
          { type: 'null' }
        ],
        description: 'texts before which a text ends'
      },
      stop_token_ids: {
        type: ['array', 'null'],
        items: { type: 'integer', minimum: 0 },
        description: 'tokens after which a text ends'
      },
      logit_bias: {
        type: ['object', 'null'],
        additionalProperties: { type: 'number', minimum: -100, maximum: 100 },
        maxProperties: MOST_BIASES,
        description: 'added to the logits of tokens, by the token'
      },
      stream_options: {
        type: ['object', 'null'],
        properties: { include_usage: { type: ['boolean', 'null'], default: false } },
        description: 'include_usage: one more event with the usage at the end of a stream'
      }
    }
  }
}

function nullableSchema(schema: JsonObject): JsonObject {
  return { ...schema, type: [schema['type'] ?? null, 'null'] }
}

/** Returns the body of a request as an object. Throws a 400 for another value. */
export function readBody(body: unknown): Record<string, unknown> {
  if (isObject(body) && !Array.isArray(body)) return body as Record<string, unknown>
  const remedy = 'send content-type: application/json with it'
  throw new RequestError(400, expected('ERR_BAD_REQUEST', 'a JSON object as the body', show(body), remedy))
}

/** Checks the body of a request. `maxTokens`: the most tokens of a text. Throws a 400 that names the field. */
export function readCompletion(body: Record<string, unknown>, maxTokens: number): CompletionRequest {
  const given: Record<string, unknown> = {}
  for (const [name, { check }] of Object.entries(completionSettings)) {
    const value = body[name]
    if (value !== undefined && value !== null) given[name] = inField(name, () => check(value, name))
  }
  const values = withDefaults(completionSettings, given as Given<typeof completionSettings>)
  inField('max_tokens', () => integer(0, maxTokens)(values.max_tokens, 'max_tokens'))
  const prompts = inField('prompt', () => readPrompts(body['prompt'] ?? ''))
  const stop = inField('stop', () => readStop(body['stop'] ?? []))
  const stopTokens = inField('stop_token_ids', () => [...integers(0)(body['stop_token_ids'] ?? [], 'stop_token_ids')])
  const logitBias = inField('logit_bias', () => readBias(body['logit_bias'] ?? {}))
  const includeUsage = inField('stream_options', () => readStreamOptions(body['stream_options'] ?? null, values.stream))
  const { n, best_of = n } = values
  inField('best_of', () => checkBestOf(best_of, n, values.stream))
  if (prompts.length * best_of > MOST_TEXTS) {
    const found = `${prompts.length} prompts with ${best_of} each`
    throw new RequestError(
      400,
      expected('ERR_INVALID_ARGUMENT', `at most ${MOST_TEXTS} texts`, found, 'send more requests')
    )
  }
  inField('suffix', () => refuseSuffix(body['suffix']))
  return { ...values, best_of, prompts, stop, stopTokens, logitBias, includeUsage }
}

/** Returns the prompts of a body. Throws ERR_INVALID_ARGUMENT. */
export function readPrompts(prompt: unknown): Prompt[] {
  if (typeof prompt === 'string') return [prompt]
  if (!Array.isArray(prompt) || prompt.length === 0)
    throw expected('ERR_INVALID_ARGUMENT', 'a text, tokens, or a list of them as prompt', show(prompt), 'send one')
  if (typeof prompt[0] === 'number') return [readTokens(prompt, 'prompt')]
  return prompt.map((one: unknown, i) => (typeof one === 'string' ? one : readTokens(one, `prompt[${i}]`)))
}

function readTokens(value: unknown, name: string): Int32Array {
  const tokens = integers(0)(value, name)
  if (tokens.length > 0) return tokens
  throw expected(
    'ERR_INVALID_ARGUMENT',
    `at least one token as ${name}`,
    'none',
    'leave the prompt out to begin a text'
  )
}

function readStop(stop: unknown): string[] {
  if (typeof stop === 'string') return stop === '' ? [] : [stop]
  const texts = list(string, 0, MOST_STOPS)(stop, 'stop')
  const empty = texts.includes('')
  if (empty) throw expected('ERR_INVALID_ARGUMENT', 'texts with characters as stop', '""', 'leave it out')
  return texts
}

function readBias(bias: unknown): Record<string, number> {
  const found = record(number(-100, 100))(bias, 'logit_bias')
  const count = Object.keys(found).length
  if (count <= MOST_BIASES) return found
  throw expected('ERR_INVALID_ARGUMENT', `at most ${MOST_BIASES} tokens in logit_bias`, `${count}`, 'name fewer')
}

function readStreamOptions(options: unknown, streams: boolean): boolean {
  if (options === null) return false
  if (!isObject(options) || !streams) {
    const found = streams ? show(options) : 'them without a stream'
    throw expected('ERR_INVALID_ARGUMENT', 'options of a stream as stream_options', found, 'set stream to true')
  }
  const { include_usage: include = false } = options as { include_usage?: unknown }
  return boolean(include ?? false, 'stream_options.include_usage')
}

function checkBestOf(best: number, n: number, streams: boolean): void {
  if (best < n) throw expected('ERR_INVALID_ARGUMENT', `best_of of at least n, ${n}`, `${best}`, 'raise best_of')
  if (best > n && streams)
    throw expected(
      'ERR_INVALID_ARGUMENT',
      'best_of without a stream',
      `${best} with one`,
      'leave best_of or stream out'
    )
}

function refuseSuffix(suffix: unknown): void {
  if (suffix === undefined || suffix === null || suffix === '') return
  throw expected('ERR_UNSUPPORTED', 'a text to continue', 'one with a suffix to reach', 'leave suffix out')
}

const LEAST_TOP_P = 1e-6

/** Returns the options of the engine for a text. `seed`: undefined for that of a session. */
export function tokenOptions(
  request: CompletionRequest,
  { seed, endToken }: { seed: number | undefined; endToken: number | undefined }
): TokenOptions {
  const { ignore_eos, stopTokens, logprobs, best_of, n, echo, top_k, top_p } = request
  const ends = ignore_eos || endToken === undefined ? [] : [endToken]
  const scores = logprobs ?? (best_of > n ? 0 : undefined)
  return {
    maxTokens: request.max_tokens,
    ...(seed !== undefined && { seed }),
    temperature: request.temperature,
    topK: Math.max(0, top_k),
    topP: Math.max(LEAST_TOP_P, top_p),
    minP: request.min_p,
    repetitionPenalty: request.repetition_penalty,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    logitBias: request.logitBias,
    stop: request.stop,
    includeStop: request.include_stop_str_in_output,
    stopTokens: [...new Set([...ends, ...stopTokens])],
    ...(scores !== undefined && { logProbabilities: scores }),
    scorePrompt: echo && logprobs !== undefined
  }
}
