// A program: a server of Node.js without an engine that sends every client an event of the size of ours every 10 ms. It shows what an event
// costs at least.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const PERIOD_MS = 10
const TEXT = 'x'.repeat(20)

const head = { id: `cmpl-${'0'.repeat(36)}`, object: 'text_completion', created: 0, model: 'served', system_fingerprint: `gc_${'0'.repeat(24)}` } // prettier-ignore
const choices = [{ index: 0, text: TEXT, logprobs: null, finish_reason: null }]
const event = `data: ${JSON.stringify({ ...head, choices })}\n\n`
const clients = new Set<ServerResponse>()

const server = createServer((request, response) => {
  request.resume()
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
  response.write(event)
  clients.add(response)
  response.once('close', () => clients.delete(response))
}).listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ event: 'serving', url: `http://127.0.0.1:${port}` }))
})
setInterval(() => {
  for (const client of clients) client.write(event)
}, PERIOD_MS)
process.on('SIGTERM', () => process.exit(0))
