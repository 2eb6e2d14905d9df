// A server of fastify with routes of its own, which has gatecell's as a plugin under /lstm, and calls the engine over them for a page.
//   node own-server.ts <model.safetensors> [port]
import { servePlugin } from 'gatecell/serve'
import fastify from 'fastify'

const [model = 'm.safetensors', port = '8080'] = process.argv.slice(2)
const app = fastify({ logger: { level: 'warn' } })
await app.register(servePlugin, { prefix: '/lstm', models: [{ id: 'story', path: model }], maxTokens: 2000 })

app.get('/', async (_, reply) => {
  // A route of one's own reaches the models without a socket.
  const answer = await app.inject({
    ...{ method: 'POST', url: '/lstm/v1/completions', headers: { host: 'localhost' } },
    payload: { prompt: 'the ', max_tokens: 100, temperature: 0.5, seed: 1 }
  })
  const { choices } = answer.json<{ choices: [{ text: string }] }>()
  return await reply.type('text/plain').send(`the ${choices[0].text}\n`)
})

console.log(await app.listen({ port: Number(port) }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
