// The routes of the uses of models: POST /v1/<verb> for each verb of the task registry, with its input as JSON and its records as the answer.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { boolean } from '../check/index.js'
import { expected } from '../errors.js'
import { openCheckpoint, type CheckpointFile } from '../io/checkpoint.js'
import type { EventRecord, JsonObject } from '../io/json.js'
import { tasks } from '../tasks/registry.js'
import { inputFromJson } from '../tasks/request.js'
import type { Verb, VerbContext } from '../tasks/verb.js'
import { readBody } from './completion-request.js'
import { allowLongAnswer, whileConnected, type ServeContext } from './context.js'
import { errorAnswer, inField, notFound, RequestError } from './errors.js'
import { EventStream } from './event-stream.js'
import type { ModelVersion } from './model-version.js'

/** Returns the uses of all tasks by their names; several tasks may have a use of one name. */
export function usesByName(): ReadonlyMap<string, readonly Verb[]> {
  const uses = new Map<string, Verb[]>()
  for (const { verbs, tracing } of tasks)
    for (const verb of [...verbs, ...(tracing ? [tracing] : [])])
      uses.set(verb.name, [...(uses.get(verb.name) ?? []), verb])
  return uses
}

/** Adds the routes. */
export function addVerbRoutes(app: FastifyInstance, context: ServeContext): void {
  for (const name of usesByName().keys()) {
    app.post(`/v1/${name}`, async (request, reply) => {
      const { model, stream = false, ...input } = readBody(request.body)
      const streams = inField('stream', () => boolean(stream ?? false, 'stream'))
      const version = context.models.get(model)
      const use = version.uses.find((one) => one.name === name)
      if (!use) throw wrongUse(version, name)
      using _lease = version.lease()
      const checked = inputFromJson(use, input as JsonObject)
      return await answerUse(context, { request, reply }, { version, use, input: checked, streams })
    })
  }
}

function wrongUse({ id, task, uses }: ModelVersion, name: string): RequestError {
  const own = uses.map((use) => `/v1/${use.name}`).join(', ') || '/v1/completions'
  const error = expected(
    'ERR_WRONG_TASK',
    `a model that ${name} takes`,
    `"${id}", a model of ${task}`,
    `use it by ${own}`
  )
  return new RequestError(400, error, { param: 'model' })
}

interface UseCall {
  readonly version: ModelVersion
  readonly use: Verb
  readonly input: object
  readonly streams: boolean
}

async function answerUse(
  context: ServeContext,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  call: UseCall
): Promise<unknown> {
  const { version, streams } = call
  const answer = async (signal: AbortSignal) => {
    const records = recordsOf(context, call, signal)
    if (!streams) {
      const data: EventRecord[] = []
      for await (const record of records) data.push(record)
      return { object: 'list', model: version.id, system_fingerprint: version.fingerprint, data }
    }
    // An input that the code of the use refuses gets a status, as it does without a stream.
    const first = await records.next()
    reply.hijack()
    const events = new EventStream(reply.raw, reply.getHeaders())
    await streamRecords(context, request, { first, records, events })
    return reply
  }
  if (!streams) allowLongAnswer(reply)
  const work = (signal: AbortSignal) => version.gate.pass(signal, () => answer(signal))
  return await whileConnected(context, reply, work, context.values.useTime)
}

async function streamRecords(
  context: ServeContext,
  request: FastifyRequest,
  of: { first: IteratorResult<EventRecord>; records: AsyncGenerator<EventRecord>; events: EventStream }
): Promise<void> {
  const { first, records, events } = of
  try {
    if (!first.done) await events.send(() => JSON.stringify(first.value))
    for await (const record of records) await events.send(() => JSON.stringify(record))
    events.end('[DONE]')
  } catch (error) {
    const { body, isOurs } = errorAnswer(error, { bodyLimit: context.values.bodyLimit, draining: context.draining })
    if (isOurs) request.log.error({ err: error }, 'a stream failed')
    events.end(JSON.stringify(body))
  }
}

async function* recordsOf(
  context: ServeContext,
  { version, use, input, streams }: UseCall,
  signal: AbortSignal
): AsyncGenerator<EventRecord, void, undefined> {
  const code = await use.code()
  const model = await version.loaded(code)
  const surroundings: VerbContext = {
    ...{ signal, pieces: streams, engine: version.load },
    // Contents are in the request: nothing reads standard input.
    async *stdin() {},
    openModel: (name) => openOther(context, name)
  }
  yield* code.run(model, input, surroundings)
}

/** Opens the file of another served model: requests name models, never files. */
async function openOther({ models }: ServeContext, name: string): Promise<CheckpointFile> {
  const { file } = models.get(name)
  if (file) return await openCheckpoint(file.path)
  throw notFound('a model with a file', JSON.stringify(name), 'name another one')
}
