// ONNX Runtime in a server of fastify: the completions of gatecell serve as services in Node.js make them, one by one or in padded batches:
//   node onnx_server.mjs '{"model": "m.onnx", "layers": 2, "hidden": 128, "symbols": "...", "most": 64, "window": 5, "threads": 1}'
// `most` is the number of rows of a batch, 1 for one request after the other, `window` the milliseconds that the first request of a batch waits
// for others.
import fastify from 'fastify'
import ort from 'onnxruntime-node'

const { model, layers, hidden, symbols, most, window, threads } = JSON.parse(process.argv[2])
const FLUSH_MS = 10
const session = await ort.InferenceSession.create(model, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all'
})
const waiting = []
let isRunning = false

/** Runs the layers over rows of tokens, and returns the outputs. */
async function step(rows, states) {
  const [B, T] = [rows.length, Math.max(...rows.map((row) => row.length))]
  const tokens = new BigInt64Array(T * B)
  const lengths = Int32Array.from(rows, (row) => row.length)
  for (const [b, row] of rows.entries()) for (const [i, id] of row.entries()) tokens[i * B + b] = BigInt(id)
  const feeds = { tok: new ort.Tensor('int64', tokens, [T, B]), lengths: new ort.Tensor('int32', lengths, [B]) }
  for (let i = 0; i < layers; i++)
    for (const kind of ['h', 'c'])
      feeds[`${kind}0_${i}`] =
        states?.[`${kind}N_${i}`] ?? new ort.Tensor('float32', new Float32Array(B * hidden), [1, B, hidden])
  return await session.run(feeds)
}

const weights = new Float64Array(symbols.length)

/** Draws from the softmax of the logits of row `b`; with a temperature of 0 returns the most probable one. */
function draw(logits, b, temperature) {
  const V = symbols.length
  let best = 0
  for (let v = 1; v < V; v++) if (logits[b * V + v] > logits[b * V + best]) best = v
  if (temperature === 0) return best
  const top = logits[b * V + best]
  let sum = 0
  for (let v = 0; v < V; v++) sum += weights[v] = Math.exp((logits[b * V + v] - top) / temperature)
  let rest = Math.random() * sum
  for (let v = 0; v < V; v++) if ((rest -= weights[v]) <= 0) return v
  return V - 1
}

/** Answers the requests of a batch together, until the last one has all its tokens: rows that ended are padding. */
async function answer(batch) {
  let rows = batch.map(({ prompt }) => prompt)
  let states = null
  while (batch.some((one) => !one.ended)) {
    states = await step(rows, states)
    rows = batch.map((one, b) => {
      const token = draw(states.logits.data, b, one.temperature)
      if (!one.ended) take(one, token)
      return [token]
    })
  }
}

/** Adds a token to an answer, and sends those that wait if the last event is old enough. */
function take(one, token) {
  one.text += symbols[token]
  one.left--
  const now = performance.now()
  one.ended = one.left === 0 || one.response.destroyed
  if (!one.ended && now - one.last < FLUSH_MS) return
  one.last = now
  const choice = { index: 0, text: one.text, logprobs: null, finish_reason: one.ended ? 'length' : null }
  one.response.write(`data: ${JSON.stringify({ object: 'text_completion', choices: [choice] })}\n\n`)
  one.text = ''
  if (one.ended) one.response.end('data: [DONE]\n\n')
}

async function run() {
  isRunning = true
  while (waiting.length > 0) {
    const wait = window - (performance.now() - waiting[0].came)
    if (waiting.length < most && wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    await answer(waiting.splice(0, most))
  }
  isRunning = false
}

const app = fastify()
app.get('/healthz', () => ({ status: 'ok' }))
app.post('/v1/completions', (request, reply) => {
  const { prompt, max_tokens: left, temperature = 1 } = request.body
  reply.hijack()
  const response = reply.raw
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  response.flushHeaders()
  const ids = Array.from(prompt, (symbol) => symbols.indexOf(symbol))
  waiting.push({ response, prompt: ids, left, temperature, text: '', last: 0, came: performance.now(), ended: false })
  if (!isRunning) void run()
})
process.once('SIGTERM', () => process.exit(0))
const url = await app.listen({ port: 0, host: '127.0.0.1' })
console.log(JSON.stringify({ event: 'serving', url }))
