// A service on node:http that streams text to many clients while another model trains in the same process. Training runs on the
// engine's threads; every client has a stream with its own state.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTextDataset, createTrainer, vocabularyFromText } from 'gatecell'
import { crossEntropy, defineModel, embedding, i32, linear, lstm } from 'gatecell'

const text = 'the quick brown fox jumps over the lazy dog. '.repeat(60)
const vocabulary = vocabularyFromText(text)
const define = (hidden: number) =>
  defineModel({
    name: 'fox',
    config: {},
    inputs: { tokens: i32('length', 'batch') },
    targets: { targets: i32('length', 'batch') },
    forward({ tokens }) {
      const x = embedding(tokens, { name: 'embedding', vocabulary: vocabulary.size, size: 32 })
      const { output } = lstm(x, { name: 'lstm', hidden, carry: true })
      return { logits: linear(output, { name: 'head', size: vocabulary.size }) }
    },
    loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
    stream: { token: 'tokens', logits: 'logits' }
  })
const steps = Number(process.argv[2] ?? 300)
const data = createTextDataset(text, vocabulary, { batch: 8, length: 32 })
const train = (model: ReturnType<typeof define>, count: number) =>
  createTrainer(model, data, { optimizer: { kind: 'adam', learningRate: 0.01 }, steps: count }).fit()

const served = define(96)
await train(served, steps)

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const stream = served.stream({ seed: Number(request.url!.slice(1)), temperature: 0.5 })
  stream.feed(vocabulary.encode('the '))
  for await (const ids of stream.generate({ length: 200 })) response.write(vocabulary.decode(ids))
  response.end()
}
const server = createServer((request, response) => void answer(request, response)).listen(0)
const { port } = server.address() as AddressInfo

const training = train(define(256), 2 * steps) // continues while clients are served
const clients = Array.from({ length: 20 }, async (_, client) =>
  (await fetch(`http://localhost:${port}/${client}`)).text()
)
const answers = await Promise.all(clients)
console.log(`${answers.length} clients, the first: the ${answers[0]}`)
const summary = await training
console.log(`the other model: ${summary.step} steps, loss ${summary.smoothedLoss!.toFixed(3)}`)
server.close()
