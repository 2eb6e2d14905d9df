// The official client of OpenAI's API: each parameter of completions once, streams, aborts and errors.

import OpenAI from 'openai'
import t from 'tap'
import { startServer, trainedModel, until } from './world.js'

const path = await trainedModel(t.testdir())
const server = await startServer({ models: [path], token: 'secret' })
t.teardown(() => server.close())
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'secret' })
const request = { model: 'tiny', prompt: 'the cell ', max_tokens: 10, seed: 1 } as const

t.test('all parameters of completions', async (t) => {
  const answer = await client.completions.create({
    ...request,
    prompt: ['the ', 'cell '],
    best_of: 2,
    echo: true,
    frequency_penalty: 0.5,
    logit_bias: { '3': -5 },
    logprobs: 2,
    n: 2,
    presence_penalty: 0.5,
    stop: ['\u0001'],
    stream: false,
    suffix: null,
    temperature: 0.7,
    top_p: 0.9,
    user: 'someone'
  })
  t.equal(answer.choices.length, 4)
  t.match(answer, { object: 'text_completion', model: 'tiny', system_fingerprint: /^gc_/, usage: { prompt_tokens: 9, completion_tokens: 40 } }) // prettier-ignore
  const [{ text, logprobs, finish_reason: reason }] = answer.choices as [(typeof answer.choices)[0]]
  t.match(text, /^the /)
  t.equal(reason, 'length')
  t.equal(logprobs!.tokens!.join(''), text)
})

t.test('each form of a prompt', async (t) => {
  const { choices } = await client.completions.create({ ...request, echo: true, max_tokens: 0 })
  t.equal(choices[0]!.text, request.prompt)
  const texts = async (prompt: OpenAI.CompletionCreateParamsNonStreaming['prompt']) =>
    (await client.completions.create({ ...request, prompt, echo: true })).choices.map(({ text }) => text)
  t.equal((await texts([3, 4, 5])).length, 1)
  t.equal((await texts([[3, 4], [5]])).length, 2) // prettier-ignore
  t.same((await texts(['the ', 'cell ']))[0], (await texts('the '))[0], 'several prompts are answered as each is')
  t.equal((await texts(null))[0]!.length, 10)
})

t.test('parameters that OpenAI does not have', async (t) => {
  const more = { top_k: 1, min_p: 0.1, repetition_penalty: 1.1, ignore_eos: true, stop_token_ids: [0], include_stop_str_in_output: true } // prettier-ignore
  const text = async (fields: object) => (await client.completions.create({ ...request, ...fields })).choices[0]!.text
  t.equal(await text({ top_k: 1 }), await text({ temperature: 0 }), 'one token to draw from')
  t.type(await text(more), 'string')
  await t.rejects(client.completions.create({ ...request, suffix: 'end' }), { status: 400, code: 'ERR_UNSUPPORTED', param: 'suffix' }) // prettier-ignore
})

t.test('a stream', async (t) => {
  const whole = await client.completions.create(request)
  let text = ''
  let tokens = 0
  const options = { stream: true, stream_options: { include_usage: true } } as const
  for await (const { choices, usage } of await client.completions.create({ ...request, ...options })) {
    text += choices[0]?.text ?? ''
    tokens = usage?.completion_tokens ?? tokens
  }
  t.equal(text, whole.choices[0]!.text)
  t.equal(tokens, 10)
  for await (const _ of await client.completions.create({ ...request, max_tokens: 60000, stream: true })) break
  t.ok(await until(async () => (await inUse()) === 0, 2), 'leaving the loop ends the text')
})

/** Returns the texts in rows. */
async function inUse(): Promise<number> {
  const { text } = { text: await (await fetch(`${server.url}/metrics`, { headers: { authorization: 'Bearer secret' } })).text() } // prettier-ignore
  return Number(/^gatecell_requests_running\{.*\} (\d+)$/m.exec(text)?.[1])
}

t.test('models', async (t) => {
  const models = []
  for await (const model of client.models.list()) models.push(model.id)
  t.same(models, ['tiny'])
  t.match(await client.models.retrieve('tiny'), { id: 'tiny', object: 'model', owned_by: 'gatecell' })
})

t.test('errors', async (t) => {
  await t.rejects(client.completions.create({ ...request, temperature: 3 }), {
    status: 400,
    code: 'ERR_INVALID_ARGUMENT',
    param: 'temperature'
  })
  await t.rejects(client.completions.create({ ...request, model: 'none' }), { status: 404, code: 'ERR_NOT_FOUND' })
  await t.rejects(client.models.retrieve('none'), { status: 404, code: 'ERR_NOT_FOUND' })
  const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'other' })
  await t.rejects(stranger.completions.create(request), { status: 401, code: 'ERR_FORBIDDEN' })
})
