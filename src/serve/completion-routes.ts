// The routes of completions and of models, as OpenAI's clients call them.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { expected } from '../errors.js'
import { answerStream, answerWhole, beginTexts, randomSeed, type Completion } from './completions.js'
import { readBody, readCompletion } from './completion-request.js'
import { allowLongAnswer, whileConnected, type ServeContext } from './context.js'
import { RequestError } from './errors.js'
import { EventStream } from './event-stream.js'
import type { ModelVersion, TextService } from './model-version.js'

/** Adds the routes. */
export function addCompletionRoutes(app: FastifyInstance, context: ServeContext): void {
  app.post('/v1/completions', async (request, reply) => {
    const body = readBody(request.body)
    const version = context.models.get(body['model'])
    using _lease = version.lease()
    const completion = readCompletion(body, context.values.maxTokens)
    return await answerCompletion(context, request, reply, (signal) => {
      const service = textServiceOf(version)
      return {
        ...{ version, service, request: completion, signal, extra: {}, mayContinue: false },
        meter: context.metrics.meter(version.id, beginOf(request)),
        begin: (prompt, options) => service.engine.generate(prompt, options),
        seed: completion.seed ?? randomSeed()
      }
    })
  })
  app.get('/v1/models', () => ({ object: 'list', data: context.models.all.map(describe) }))
  app.get<{ Params: { id: string } }>('/v1/models/:id', ({ params }) => describe(context.models.get(params.id)))
}

const begins = new WeakMap<FastifyRequest, number>()

/** Notes the time at which a request came. */
export function noteBegin(request: FastifyRequest): void {
  begins.set(request, performance.now())
}

/** Returns the time at which a request came, on the clock of `performance.now()`. */
export function beginOf(request: FastifyRequest): number {
  return begins.get(request) ?? performance.now()
}

/** Returns the engine of a model. Throws a 400 for a model that does not continue texts. */
export function textServiceOf(version: ModelVersion): TextService {
  if (version.text) return version.text
  const uses = version.uses.map(({ name }) => `/v1/${name}`).join(', ')
  const found = `"${version.id}", a model of ${version.task}`
  const error = expected('ERR_WRONG_TASK', 'a model that continues texts', found, `use it by ${uses}`)
  throw new RequestError(400, error, { param: 'model' })
}

/** Answers a request for texts. After the texts ended well, `done` is called before the answer is complete. */
export async function answerCompletion(
  context: ServeContext,
  request: FastifyRequest,
  reply: FastifyReply,
  open: (signal: AbortSignal) => Completion,
  done: () => Promise<void> = async () => {}
): Promise<unknown> {
  return await whileConnected(context, reply, async (signal) => {
    const completion = open(signal)
    const choices = beginTexts(completion)
    if (!completion.request.stream) {
      allowLongAnswer(reply)
      const answer = await answerWhole(completion, choices)
      await done()
      return answer
    }
    reply.hijack()
    const events = new EventStream(reply.raw, reply.getHeaders())
    await answerStream(completion, choices, events, {
      bodyLimit: context.values.bodyLimit,
      draining: context.draining,
      log: (error) => request.log.error({ err: error }, 'a stream failed'),
      done
    })
    return reply
  })
}

function describe({ id, task, created, fingerprint, uses, file }: ModelVersion) {
  return {
    ...{ id, object: 'model' as const, created, owned_by: 'gatecell', task, system_fingerprint: fingerprint },
    ...(file && { parameters: file.info.parameters }),
    uses: uses.map(({ name }) => name)
  }
}
