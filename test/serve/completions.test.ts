// Completions as clients of OpenAI's API read them, without sockets.

import t from 'tap'
import { createEngine } from '../../src/index.js'
import { loadTextModel } from '../../src/tasks/text/index.js'
import { eventsOf, measured, send, startServer, trainedModel } from './world.js'

const path = await trainedModel(t.testdir())
const server = await startServer({ models: [path], maxTokens: 5000 })
t.teardown(() => server.close())
const complete = (body: object) => send(server, '/v1/completions', { model: 'tiny', ...body })
const textOf = async (body: object): Promise<string> => (await complete(body)).json.choices[0].text

t.test('an answer has the fields of the API', async (t) => {
  const { status, headers, json } = await complete({ prompt: 'the cell ', max_tokens: 12, seed: 3 })
  t.equal(status, 200)
  t.match(headers, { 'content-type': /^application\/json/, 'x-request-id': /^req_/ })
  t.match(json, {
    id: /^cmpl-/,
    object: 'text_completion',
    created: Number,
    model: 'tiny',
    system_fingerprint: /^gc_/,
    choices: [{ index: 0, text: String, logprobs: null, finish_reason: 'length' }],
    usage: { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 }
  })
  t.equal(json.choices[0].text.length, 12)
})

t.test('the text is that of the engine, with the same seed', async (t) => {
  using loaded = await loadTextModel(path)
  using engine = createEngine(loaded.model, { vocabulary: loaded.vocabulary })
  const { text } = await engine.generate('the gate ', { maxTokens: 30, seed: 7, temperature: 0.9, topP: 0.8 }).result()
  const body = { prompt: 'the gate ', max_tokens: 30, seed: 7, temperature: 0.9, top_p: 0.8 }
  t.equal(await textOf(body), text)
  t.equal(await textOf({ ...body, prompt: [...loaded.vocabulary.encode('the gate ')] }), text, 'as tokens')
  t.not(await textOf({ ...body, seed: 8 }), text)
  const unseeded = { prompt: 'the ', max_tokens: 40 }
  t.not(await textOf(unseeded), await textOf(unseeded), 'without a seed each answer is another one')
})

t.test('several prompts and several texts', async (t) => {
  const { json } = await complete({ prompt: ['the ', 'cell'], n: 2, max_tokens: 5, seed: 1 })
  t.same(json.choices.map(({ index }: { index: number }) => index), [0, 1, 2, 3]) // prettier-ignore
  t.equal(json.usage.prompt_tokens, 8)
  t.equal(json.usage.completion_tokens, 20)
  t.equal(json.choices[0].text, await textOf({ prompt: 'the ', max_tokens: 5, seed: 1 }))
  t.equal(json.choices[1].text, await textOf({ prompt: 'the ', max_tokens: 5, seed: 2 }), 'seeds follow each other')
  const best = await complete({ prompt: 'the ', n: 1, best_of: 4, max_tokens: 5, seed: 1 })
  t.equal(best.json.choices.length, 1)
  t.equal(best.json.usage.completion_tokens, 20)
})

t.test('a text without a prompt begins after the end of a line', async (t) => {
  t.equal((await textOf({ max_tokens: 4, seed: 1 })).length, 4)
  t.equal(await textOf({ prompt: null, max_tokens: 4, seed: 1 }), await textOf({ prompt: '', max_tokens: 4, seed: 1 }))
})

t.test('echo and log probabilities', async (t) => {
  const { json } = await complete({ prompt: 'the cell', max_tokens: 0, echo: true, logprobs: 2 })
  const [{ text, logprobs, finish_reason: reason }] = json.choices
  t.equal(text, 'the cell')
  t.equal(reason, 'length')
  t.equal(logprobs.tokens.join(''), 'the cell')
  t.same(logprobs.text_offset, [0, 1, 2, 3, 4, 5, 6, 7])
  t.equal(logprobs.token_logprobs[0], null)
  t.equal(logprobs.top_logprobs[0], null)
  for (const one of logprobs.token_logprobs.slice(1)) t.ok(one < 0)
  for (const [i, top] of logprobs.top_logprobs.slice(1).entries()) {
    t.ok(Object.keys(top as object).length >= 2)
    t.equal(top[logprobs.tokens[i + 1]], logprobs.token_logprobs[i + 1])
  }
  const drawn = await complete({ prompt: 'the', max_tokens: 6, logprobs: 0, seed: 2 })
  const own = drawn.json.choices[0]
  t.equal(own.logprobs.tokens.join(''), own.text)
  t.same(own.logprobs.text_offset, [0, 1, 2, 3, 4, 5])
  const both = (await complete({ prompt: 'the', max_tokens: 6, logprobs: 0, seed: 2, echo: true })).json.choices[0]
  t.equal(both.text, `the${own.text}`)
  t.same(both.logprobs.token_logprobs.slice(3), own.logprobs.token_logprobs)
})

t.test('stop texts end a text, and are no part of it', async (t) => {
  const body = { prompt: 'the cell ', max_tokens: 60, seed: 5 }
  const whole = await textOf(body)
  const stop = whole.slice(20, 23)
  const at = whole.indexOf(stop)
  const { json } = await complete({ ...body, stop: ['\u0001', stop], logprobs: 1 })
  t.equal(json.choices[0].text, whole.slice(0, at))
  t.equal(json.choices[0].finish_reason, 'stop')
  t.equal(json.choices[0].logprobs.tokens.join(''), whole.slice(0, at))
  const kept = await complete({ ...body, stop, include_stop_str_in_output: true })
  t.equal(kept.json.choices[0].text, whole.slice(0, at + 3))
  const { tokens } = json.choices[0].logprobs
  t.ok(tokens.length > 0)
})

t.test('a stream has the same text, in events', async (t) => {
  const body = { prompt: 'the cell ', max_tokens: 200, seed: 5, n: 2, logprobs: 1, echo: true }
  const whole = (await complete(body)).json
  const { headers, text } = await complete({ ...body, stream: true, stream_options: { include_usage: true } })
  t.match(headers, { 'content-type': /^text\/event-stream/, 'cache-control': 'no-store', 'x-request-id': /^req_/ })
  const events = eventsOf(text)
  t.equal(events.pop(), '[DONE]')
  const usage = events.pop()
  t.same(usage.choices, [])
  t.match(usage.usage, { prompt_tokens: 9, completion_tokens: 400 })
  for (const index of [0, 1]) {
    const own = events.flatMap(({ choices }) => choices).filter((choice) => choice.index === index)
    t.equal(own.map((choice) => choice.text as string).join(''), whole.choices[index].text) // prettier-ignore
    t.same(own.flatMap(({ logprobs }) => logprobs?.token_logprobs ?? []), whole.choices[index].logprobs.token_logprobs) // prettier-ignore
    t.equal(own.at(-1)!.finish_reason, 'length')
    t.equal(own.filter(({ finish_reason: reason }) => reason !== null).length, 1)
  }
  t.ok(events.length < 200, `${events.length} events for 400 tokens`)
  const plain = eventsOf((await complete({ ...body, stream: true })).text)
  t.notOk(plain.some((event) => event.usage !== undefined || event.choices?.length === 0), 'no usage unless asked for') // prettier-ignore
})

t.test('settings of the draws', async (t) => {
  const base = { prompt: 'the ', max_tokens: 40, seed: 1 }
  const greedy = await textOf({ ...base, temperature: 0 })
  t.equal(await textOf({ ...base, top_k: 1 }), greedy)
  t.equal(await textOf({ ...base, top_p: 0 }), greedy)
  t.equal(await textOf({ ...base, min_p: 1 }), greedy)
  const free = await textOf(base)
  for (const more of [
    { presence_penalty: 2 },
    { frequency_penalty: 2 },
    { repetition_penalty: 1.5 },
    { temperature: 0.3 }
  ])
    t.not(await textOf({ ...base, ...more }), free, JSON.stringify(more))
  t.match(await textOf({ ...base, logit_bias: { 3: 100 }, temperature: 0.1 }), /^(.)\1{39}$/s)
  t.equal((await complete({ ...base, stop_token_ids: Array.from({ length: 10 }, (_, i) => i) })).json.choices[0].finish_reason, 'stop') // prettier-ignore
  t.equal(await textOf({ ...base, top_k: -1, user: 'me', ignore_eos: true, unknown_field: 3 }), free)
})

t.test('errors have the form of the API, with our codes', async (t) => {
  const wrong: [object, string | null][] = [
    [{ max_tokens: -1 }, 'max_tokens'],
    [{ max_tokens: 5001 }, 'max_tokens'],
    [{ max_tokens: '5' }, 'max_tokens'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ top_p: 1.5 }, 'top_p'],
    [{ n: 0 }, 'n'],
    [{ n: 3, best_of: 2 }, 'best_of'],
    [{ n: 1, best_of: 2, stream: true }, 'best_of'],
    [{ n: 100, prompt: ['a', 'b'] }, null],
    [{ logprobs: 6 }, 'logprobs'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ stop: [''] }, 'stop'],
    [{ logit_bias: { 1: 101 } }, 'logit_bias'],
    [{ stream_options: { include_usage: true } }, 'stream_options'],
    [{ suffix: 'end' }, 'suffix'],
    [{ prompt: 3 }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [[]] }, 'prompt'],
    [{ prompt: ['a', 1] }, 'prompt'],
    [{ prompt: [1.5] }, 'prompt'],
    [{ seed: -1 }, 'seed'],
    [{ prompt: '\u4e16' }, null],
    [{ prompt: [99999] }, null],
    [{ logit_bias: { x: 1 } }, null]
  ]
  for (const [body, param] of wrong) {
    const { status, json } = await complete({ prompt: 'the', ...body })
    t.equal(status, 400, JSON.stringify(body))
    t.match(json, { error: { message: /^Expected .* but received /, type: 'invalid_request_error', param, code: /^ERR_/ } }) // prettier-ignore
  }
  const unknown = await complete({ model: 'other' })
  t.equal(unknown.status, 404)
  t.match(unknown.json, { error: { type: 'not_found_error', code: 'ERR_NOT_FOUND' } })
  t.equal((await send(server, '/v1/completions', '{"prompt": ')).status, 400)
  t.equal((await send(server, '/v1/completions', '[1]')).status, 400)
  t.equal((await send(server, '/v1/completions', '{"__proto__": {}}')).status, 400)
  t.equal((await send(server, '/v1/completions', { prompt: 'a'.repeat(2 ** 20) })).status, 413)
  t.equal((await send(server, '/v1/completions', 'a=1', { headers: { 'content-type': 'text/plain' } })).status, 415)
  t.equal((await complete({ prompt: 'the', max_tokens: 3 })).status, 200, 'the server works as before')
})

t.test('models', async (t) => {
  const { json } = await send(server, '/v1/models')
  t.match(json, { object: 'list', data: [{ id: 'tiny', object: 'model', created: Number, owned_by: 'gatecell', task: 'text' }] }) // prettier-ignore
  t.match((await send(server, '/v1/models/tiny')).json, json.data[0])
  t.equal((await send(server, '/v1/models/none')).status, 404)
})

t.test('measurements have few labels, and count', async (t) => {
  t.ok((await measured(server, 'gatecell_generation_tokens_total')) > 500)
  t.equal(await measured(server, 'gatecell_requests_running'), 0)
  for (let i = 0; i < 300; i++) await send(server, `/random/${i}`)
  const { text } = await send(server, '/metrics')
  const series = text.split('\n').filter((line) => /^gatecell/.test(line) && !/_bucket|_sum|_count/.test(line))
  t.ok(series.length < 100, `${series.length} series`)
  t.notMatch(text, /random/)
  const steps = await measured(server, 'gatecell_steps_total')
  for (const name of ['gatecell_tick_seconds', 'gatecell_batch_rows']) {
    t.equal(await measured(server, `${name}_count`), steps, name)
    const [, all] = new RegExp(`${name}_bucket\\{le="\\+Inf",model="[^"]+"\\} (\\d+)`).exec(text) ?? []
    t.equal(Number(all), steps, `the last bucket of ${name}`)
  }
  t.ok((await measured(server, 'gatecell_request_queue_time_seconds_count')) > 0)
  t.match(text, /gatecell_tick_seconds_bucket\{le="0.00005",model="[^"]+"\} \d+/)
  t.match(text, /# TYPE gatecell_batch_rows histogram/)
})
