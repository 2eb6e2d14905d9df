// All routes of a server in one function, which adds them to an instance of fastify, with their checks and the form of their errors.

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { expected } from '../errors.js'
import { addCompletionRoutes, beginOf, noteBegin } from './completion-routes.js'
import { routeOf, type ServeContext } from './context.js'
import { errorAnswer, notFound, RequestError } from './errors.js'
import { addOriginHeaders, allowedOrigin, checkRequest } from './guard.js'
import { addHealthRoutes } from './health-routes.js'
import { addSessionRoutes } from './session-routes.js'
import { MOST_VALUE_BYTES } from './session-value.js'
import { addVerbRoutes } from './verb-routes.js'

/** Adds all routes, and the checks before them, to an instance that has no others. */
export function addRoutes(app: FastifyInstance, context: ServeContext): void {
  addParsers(app)
  addHooks(app, context)
  app.options('/v1/*', async (request, reply) => {
    if (allowedOrigin(request, context.rules) === null) throw unknownRoute(request)
    return await reply.code(204).send()
  })
  addCompletionRoutes(app, context)
  addSessionRoutes(app, context)
  addVerbRoutes(app, context)
  addHealthRoutes(app, context)
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(context, error, request, reply))
}

/** Sends every other request to a 404 in the form of the other errors. */
export function addUnknownRoutes(app: FastifyInstance, context: ServeContext): void {
  app.setNotFoundHandler((request, reply) => sendError(context, unknownRoute(request), request, reply))
}

function unknownRoute({ method, url }: FastifyRequest): RequestError {
  return notFound('a route of /openapi.json', `${method} ${JSON.stringify(url.slice(0, 80))}`, 'correct the address')
}

/** A form of another page can send text/plain without the browser asking first, so only JSON and the bytes of sessions are read. */
function addParsers(app: FastifyInstance): void {
  if (app.hasContentTypeParser('text/plain')) app.removeContentTypeParser('text/plain')
  const options = { parseAs: 'buffer' as const, bodyLimit: MOST_VALUE_BYTES }
  app.addContentTypeParser('application/octet-stream', options, async (_: FastifyRequest, body: Buffer) => body)
}

function addHooks(app: FastifyInstance, context: ServeContext): void {
  app.addHook('onRequest', async (request, reply) => {
    noteBegin(request)
    void reply.header('x-request-id', request.id)
    const { isPublic = false } = request.routeOptions.config as { isPublic?: boolean }
    checkRequest(request, context.rules, isPublic || request.method === 'OPTIONS')
    addOriginHeaders(request, reply, context.rules)
    if (context.draining && !isPublic)
      throw new RequestError(
        503,
        expected('ERR_OVERLOADED', 'a server that takes requests', 'one that ends', 'use another server')
      )
  })
  app.addHook('onResponse', async (request, reply) => {
    context.metrics.answered(routeOf(request), reply.statusCode, (performance.now() - beginOf(request)) / 1000)
  })
}

function sendError(context: ServeContext, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { values, draining } = context
  const { status, headers, body, isOurs } = errorAnswer(error, { bodyLimit: values.bodyLimit, draining })
  if (isOurs) request.log.error({ err: error }, 'a request failed')
  return reply.code(status).headers(headers).send(body)
}
