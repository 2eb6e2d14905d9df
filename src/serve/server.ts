// A server over models: by itself, as a plugin of fastify, or as a handler of Node.js' requests.

import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { checkObject, filled, list, methods, object, optional, type Check } from '../check/index.js'
import { expected, isObject } from '../errors.js'
import { givenFields, withDefaults } from '../settings/index.js'
import { routeOf, type ServeContext } from './context.js'
import { errorAnswer, refusedConnection } from './errors.js'
import { readRules } from './guard.js'
import { createMetrics } from './meter.js'
import { readModelSource, type ModelSource, type NamedSource } from './model-source.js'
import { Models, type Reloaded } from './models.js'
import { openSessions } from './open-sessions.js'
import { addRoutes, addUnknownRoutes } from './routes.js'
import type { SessionStore } from './session-store.js'
import {
  listenSettings,
  routeSettings,
  type GivenListenValues,
  type GivenRouteValues,
  type ListenValues,
  type RouteValues
} from './settings.js'

/** Options of the routes: the models, and the settings of the page of settings. */
export interface RouteOptions extends Omit<GivenRouteValues, 'sessions'> {
  /** The models, at least one. */
  readonly models: readonly ModelSource[]
  /**
   * Place for sessions: the address of a Redis or Valkey that several servers share, or a store, which is closed with the server; default: the memory
   * of this process.
   */
  readonly sessions?: string | SessionStore
}

/** Options of `createServer`. */
export interface ServerOptions extends RouteOptions, GivenListenValues {}

/** A server that listens. */
export interface GatecellServer extends AsyncDisposable {
  /** The address, such as http://127.0.0.1:8080. */
  readonly url: string
  /** The instance of fastify. */
  readonly app: FastifyInstance
  /** Opens changed model files again; requests under way end with the former versions. Returns the result for each model. */
  reload(): Promise<Reloaded[]>
  /** Refuses new requests, waits up to `drainTime` for those under way, and ends. */
  close(): Promise<void>
}

/** A handler of requests for a server of Node.js. */
export interface RequestHandler extends AsyncDisposable {
  /** Answers a request. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  /** Opens changed model files again. */
  reload(): Promise<Reloaded[]>
  /** Ends requests under way, engines and models. */
  close(): Promise<void>
}

const STORE_METHODS = ['add', 'get', 'hold', 'delete', 'count', 'close'] as const

/** The methods of fastify that add routes. */
const INSTANCE_METHODS = [
  ...['addHook', 'get', 'post', 'put', 'delete', 'options', 'setErrorHandler'],
  ...['addContentTypeParser', 'hasContentTypeParser', 'removeContentTypeParser']
] as (keyof FastifyInstance & string)[]
const readInstance = methods<FastifyInstance>(INSTANCE_METHODS)

const readStore = methods<SessionStore>([...STORE_METHODS])
const readSessions: Check<string | SessionStore> = (value, name) =>
  isObject(value) ? readStore(value, name) : filled(value, name)

const ownFields = {
  ...givenFields(routeSettings),
  models: list(readModelSource, 1, 1024),
  sessions: optional(readSessions)
}
const readRouteOptions = object<RouteOptions>(ownFields)
const readServerOptions = object<ServerOptions>({ ...ownFields, ...givenFields(listenSettings) })

/** The parts of checked options. */
interface Opened {
  readonly context: ServeContext
  /** Connects to the store of sessions and loads the models. */
  open(log: FastifyBaseLogger): Promise<void>
  /** Ends engines, models and sessions after the last request. */
  end(): Promise<void>
}

async function openContext(
  { models: sources, sessions: given, ...more }: RouteOptions,
  { host, processWide }: { host: string | null; processWide: boolean }
): Promise<Opened> {
  const isText = typeof given === 'string'
  const values: RouteValues = withDefaults(routeSettings, { ...more, ...(isText && { sessions: given }) })
  const models = new Models(sources as readonly NamedSource[], values)
  const rules = await readRules(values, host)
  const { sessions, sessionKey, connect } = await openSessions(isText ? undefined : given, values)
  const metrics = await createMetrics(models, sessions, processWide)
  const underWay: ServeContext['underWay'] = new Set()
  const context = { models, sessions, sessionKey, metrics, rules, values, underWay, draining: false }
  return {
    context,
    async open(log) {
      await connect(log)
      await models.open()
    },
    async end() {
      await models.close()
      await sessions.close()
    }
  }
}

/** Makes an instance of fastify with bounds on times and sizes. */
async function createApp(bodyLimit: number, logger: object | false): Promise<FastifyInstance> {
  const { default: fastify } = await import('fastify')
  return fastify({
    bodyLimit,
    connectionTimeout: 120_000,
    requestTimeout: 60_000,
    keepAliveTimeout: 75_000,
    maxRequestsPerSocket: 0,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    genReqId: () => `req_${randomUUID()}`,
    // An address that cannot be decoded reaches no route and no hook.
    frameworkErrors: (error, _, reply) => {
      const { status, body } = errorAnswer(error, { bodyLimit, draining: false })
      void (reply as unknown as FastifyReply).code(status).send(body)
    },
    // No route and no hook either. A response that has begun on the connection stays as it is.
    clientErrorHandler({ code }, socket) {
      if (socket.writable && socket.bytesWritten === 0) socket.end(refusedConnection(code))
      else socket.destroy()
    },
    logger: logger && { ...logger, serializers: { req: loggedRequest } }
  })
}

/** Returns the part of a request that logs have: the pattern of its address, because the id of a session lets anyone use it. */
function loggedRequest(request: FastifyRequest) {
  return { method: request.method, route: routeOf(request), remoteAddress: request.ip }
}

/** Ends all requests that are under way: first those that end by themselves within `seconds`, then the others. */
async function drain(context: ServeContext, seconds: number): Promise<void> {
  context.draining = true
  const { underWay } = context
  const until = performance.now() + 1000 * seconds
  while (underWay.size > 0 && performance.now() < until) await sleep(20)
  const reason = expected('ERR_ABORTED', 'time to end the request', 'the end of the server', 'send the request again')
  for (const end of underWay) end(reason)
  const last = performance.now() + LAST_TIME
  while (underWay.size > 0 && performance.now() < last) await sleep(5)
}

/** Milliseconds in which requests that were ended send their last event. */
const LAST_TIME = 2000

/**
 * Starts a server of completions, sessions and uses of models over HTTP, and resolves when it listens and its models are loaded. See
 * docs/serving.md. Throws ERR_INVALID_ARGUMENT for wrong options, the errors of model files, ERR_FILE_NOT_FOUND for a token or key that cannot be
 * read, ERR_UNAVAILABLE if the Redis of the sessions refuses the server, and ERR_BUSY if the address is in use or not one of this machine.
 *
 * @example
 * const server = await createServer({ models: ['shakespeare.safetensors'], port: 0, logLevel: 'silent' })
 * const body = JSON.stringify({ prompt: 'ROMEO:', max_tokens: 40 })
 * const headers = { 'content-type': 'application/json' }
 * const answer = await fetch(`${server.url}/v1/completions`, { method: 'POST', headers, body })
 * console.log(await answer.json())
 * await server.close()
 */
export async function createServer(options: ServerOptions): Promise<GatecellServer> {
  const given = readServerOptions(options, 'the options of createServer')
  const { routes, listen } = divided(given)
  const { host, port, drainTime, logLevel, maxConnections } = listen
  const { context, open, end } = await openContext(routes, { host, processWide: true })
  const logger = logLevel !== 'silent' && { level: logLevel, stream: process.stderr }
  const app = await createApp(context.values.bodyLimit, logger)
  addRoutes(app, context)
  addUnknownRoutes(app, context)
  app.server.maxConnections = maxConnections
  let closing: Promise<void> | null = null
  const close = async () => {
    await drain(context, drainTime)
    // Connections whose clients do not take the last event.
    const timer = setTimeout(() => app.server.closeAllConnections(), LAST_TIME)
    await app.close()
    clearTimeout(timer)
    await end()
  }
  try {
    await app.listen({ host, port, listenTextResolver: () => 'listening' })
    await open(app.log)
  } catch (error) {
    await app.close()
    await end()
    throw listenError(error, host, port)
  }
  const { port: actual } = app.server.address() as { port: number }
  const closeOnce = () => (closing ??= close())
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    app,
    reload: () => context.models.reload(),
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce
  }
}

function divided({ models, sessions, ...values }: ServerOptions): { routes: RouteOptions; listen: ListenValues } {
  const isListen = ([name]: [string, unknown]) => name in listenSettings
  const own = Object.entries(values)
  const listen = withDefaults(listenSettings, Object.fromEntries(own.filter(isListen)))
  const rest = Object.fromEntries(own.filter((one) => !isListen(one))) as GivenRouteValues
  return { routes: { models, ...(sessions && { sessions }), ...rest }, listen }
}

function listenError(error: unknown, host: string, port: number): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return error
  const remedy = 'choose another host or port (port 0: any free one)'
  return expected('ERR_BUSY', `a free address ${host}:${port}`, code ?? 'an error', remedy, error)
}

/**
 * Adds the routes to an instance of fastify, as `app.register(servePlugin, options)`; the models are loaded when the instance is ready, and end with
 * it. A prefix of the registration comes before all routes. Throws what `createServer` throws.
 *
 * @example
 * await app.register(servePlugin, { prefix: '/lstm', models: ['shakespeare.safetensors'] })
 */
export async function servePlugin(app: FastifyInstance, options: RouteOptions): Promise<void> {
  const instance = readInstance(app, 'the instance of fastify')
  checkObject(options, 'the options of servePlugin')
  // Options of the registration itself come with those of the plugin.
  const { prefix: _, logLevel: __, logSerializers: ___, ...own } = options
  const { context, open, end } = await openContext(readRouteOptions(own, 'the options of servePlugin'), {
    host: null,
    processWide: false
  })
  addRoutes(instance, context)
  instance.addHook('preClose', async () => await drain(context, 0))
  instance.addHook('onClose', async () => await end())
  await open(app.log)
}

/**
 * Returns a handler of requests over models, for a server of Node.js or of another framework. Throws what `createServer` throws.
 *
 * @example
 * const handler = await createHandler({ models: ['shakespeare.safetensors'] })
 * const server = http.createServer(handler.handle)
 */
export async function createHandler(options: RouteOptions): Promise<RequestHandler> {
  const given = readRouteOptions(options, 'the options of createHandler')
  const { context, open, end } = await openContext(given, { host: null, processWide: false })
  const app = await createApp(context.values.bodyLimit, false)
  addRoutes(app, context)
  addUnknownRoutes(app, context)
  let closing: Promise<void> | null = null
  const close = async () => {
    await drain(context, 0)
    await app.close()
    await end()
  }
  const closeOnce = () => (closing ??= close())
  try {
    await app.ready()
    await open(app.log)
  } catch (error) {
    await closeOnce()
    throw error
  }
  return {
    handle: (request, response) => app.routing(request, response),
    reload: () => context.models.reload(),
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce
  }
}
