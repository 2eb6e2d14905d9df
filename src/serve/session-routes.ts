// The routes of sessions: texts that are continued later, by this process or by another one.

import { randomBytes } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { seed as checkSeed } from '../check/index.js'
import { expected } from '../errors.js'
import type { EngineSession } from '../generate/engine/types.js'
import { answerCompletion, beginOf, textServiceOf } from './completion-routes.js'
import { readBody, readCompletion, readPrompts, type CompletionRequest } from './completion-request.js'
import { allowLongAnswer, whileConnected, type ServeContext } from './context.js'
import { damagedSession, inField, notFound, RequestError } from './errors.js'
import type { ModelVersion } from './model-version.js'
import type { HeldSession } from './session-store.js'
import { decodeSession, encodeSession, type SavedSession } from './session-value.js'

type ById = { Params: { id: string } }
const BYTES = 'application/octet-stream'

/** Adds the routes. */
export function addSessionRoutes(app: FastifyInstance, context: ServeContext): void {
  app.post('/v1/sessions', async (request, reply) => {
    const id = `sess_${randomBytes(18).toString('base64url')}`
    const value = Buffer.isBuffer(request.body)
      ? checkedValue(context, request.body)
      : await createSession(context, request, reply)
    await context.sessions.add(id, value)
    void reply.code(201)
    return describe(context, id, value)
  })
  app.get<ById>('/v1/sessions/:id', async ({ params: { id } }) => describe(context, id, await valueOf(context, id)))
  app.get<ById>('/v1/sessions/:id/value', async ({ params: { id } }, reply) => {
    const value = await valueOf(context, id)
    return await reply.type(BYTES).send(Buffer.from(value))
  })
  app.put<ById>('/v1/sessions/:id/value', async ({ params: { id }, body }) => {
    const value = checkedValue(context, body)
    await withSession(context, id, (held) => held.put(value))
    return describe(context, id, value)
  })
  app.post<ById>('/v1/sessions/:id/fork', async ({ params: { id } }, reply) => {
    const value = await valueOf(context, id)
    const fork = `sess_${randomBytes(18).toString('base64url')}`
    await context.sessions.add(fork, value)
    void reply.code(201)
    return describe(context, fork, value)
  })
  app.delete<ById>('/v1/sessions/:id', async ({ params: { id } }) => {
    if (!(await context.sessions.delete(id))) throw unknownSession(id)
    return { id, object: 'session', deleted: true }
  })
  app.post<ById>('/v1/sessions/:id/completions', async (request, reply) => {
    const { id } = request.params
    return await withSession(context, id, (held) => continueSession(context, request, reply, { id, held }))
  })
}

function unknownSession(id: string): RequestError {
  return notFound('a session that is kept here', JSON.stringify(id.slice(0, 64)), 'create one by POST /v1/sessions')
}

async function valueOf({ sessions }: ServeContext, id: string): Promise<Uint8Array> {
  const value = await sessions.get(id)
  if (value) return value
  throw unknownSession(id)
}

async function withSession<T>(
  { sessions }: ServeContext,
  id: string,
  work: (held: HeldSession) => Promise<T>
): Promise<T> {
  const held = await sessions.hold(id)
  if (!held) throw unknownSession(id)
  try {
    return await work(held)
  } finally {
    await held.release()
  }
}

function describe(context: ServeContext, id: string, value: Uint8Array) {
  const { model, state } = storedSession(context, value)
  return {
    ...{ id, object: 'session', model: context.models.withFingerprint(model)?.id ?? null, system_fingerprint: model },
    ...{ position: state.position + state.unread.length, bytes: value.length }
  }
}

/** Reads a value of the store, which others can write, too, if it is a server of its own. */
function storedSession({ sessionKey }: ServeContext, value: Uint8Array): SavedSession {
  try {
    return decodeSession(value, sessionKey)
  } catch (error) {
    throw damagedSession('other bytes, or those of another key', error)
  }
}

/** Returns the bytes of a session that a client has sent, after all of them were checked. */
function checkedValue(context: ServeContext, body: unknown): Uint8Array {
  if (!Buffer.isBuffer(body))
    throw new RequestError(
      415,
      expected('ERR_BAD_REQUEST', `the bytes of a session as ${BYTES}`, 'another body', 'send them')
    )
  using opened = openSession(context, decodeSession(body, context.sessionKey))
  void opened
  return body
}

interface OpenSession extends Disposable {
  readonly version: ModelVersion
  readonly session: EngineSession
}

/** Opens the session of a value in the engine of its model. Throws a 400 if the model was replaced or the value does not fit. */
function openSession({ models }: ServeContext, { model, state }: SavedSession): OpenSession {
  const version = models.withFingerprint(model)
  if (!version) {
    const remedy = 'begin a session with a model of /v1/models'
    throw expected('ERR_WRONG_TASK', 'a session of a model that is served', `one of ${model.slice(0, 64)}`, remedy)
  }
  const session = textServiceOf(version).engine.createSession(state)
  const lease = version.lease()
  return {
    version,
    session,
    [Symbol.dispose]() {
      session.dispose()
      lease[Symbol.dispose]()
    }
  }
}

/** Returns the value of a new session, which has read a prompt if the body has one. */
async function createSession(context: ServeContext, request: FastifyRequest, reply: FastifyReply): Promise<Uint8Array> {
  const body = readBody(request.body ?? {})
  const version = context.models.get(body['model'])
  using _lease = version.lease()
  const service = textServiceOf(version)
  const seed = inField('seed', () => checkSeed(body['seed'] ?? 0, 'seed'))
  const prompts = inField('prompt', () => readPrompts(body['prompt'] ?? ''))
  if (prompts.length > 1)
    inField('prompt', () => {
      throw expected('ERR_INVALID_ARGUMENT', 'one prompt', `${prompts.length}`, 'create a session for each')
    })
  const [prompt] = prompts
  using session = service.engine.createSession()
  const { states, inputs } = session.save()
  session.restore({ version: 1, position: 0, seed, states, inputs, unread: new Int32Array(0) })
  if (prompt !== '') {
    const ids = typeof prompt === 'string' ? service.promptIds(prompt) : prompt!
    allowLongAnswer(reply)
    await whileConnected(context, reply, async (signal) => {
      await session.generate(ids, { maxTokens: 0, signal }).finished
    })
  }
  return encodeSession({ model: version.fingerprint, state: session.save() }, context.sessionKey)
}

/** Continues a session. One that fails or whose client leaves keeps the value from before. */
async function continueSession(
  context: ServeContext,
  request: FastifyRequest,
  reply: FastifyReply,
  { id, held }: { id: string; held: HeldSession }
): Promise<unknown> {
  const completion = readCompletion(readBody(request.body), context.values.maxTokens)
  checkSingle(completion)
  const value = storedSession(context, held.value)
  using opened = openSession(context, value)
  const { version, session } = opened
  const service = textServiceOf(version)
  const { position, unread } = value.state
  return await answerCompletion(
    context,
    request,
    reply,
    (signal) => ({
      ...{ version, service, request: completion, signal, extra: { session: id } },
      meter: context.metrics.meter(version.id, beginOf(request)),
      begin: (prompt, options) => session.generate(prompt, options),
      seed: completion.seed,
      mayContinue: position + unread.length > 0
    }),
    async () => {
      await held.put(encodeSession({ model: value.model, state: session.save() }, context.sessionKey))
      // Before the last event: its reader may continue the session at once.
      await held.release()
    }
  )
}

function checkSingle({ prompts, best_of }: CompletionRequest): void {
  if (prompts.length === 1 && best_of === 1) return
  const remedy = 'fork the session for several texts'
  throw expected('ERR_INVALID_ARGUMENT', 'one prompt and one text of a session', 'more of them', remedy)
}
