// The routes for operators: whether the process lives, whether it takes requests, its measurements, and the description of all routes.

import type { FastifyInstance } from 'fastify'
import type { ServeContext } from './context.js'
import { openApi } from './open-api.js'

/** Milliseconds without a step after which an engine with work counts as stuck. */
const STUCK_TIME = 1000

/** Adds the routes. Those of health need no token and return nothing but a status. */
export function addHealthRoutes(app: FastifyInstance, context: ServeContext): void {
  const config = { isPublic: true }
  app.get('/healthz', { config, logLevel: 'warn' }, () => ({ status: 'ok' }))
  for (const url of ['/readyz', '/health'])
    app.get(url, { config, logLevel: 'warn' }, async (_, reply) => {
      const status = statusOf(context)
      if (status !== 'ok') void reply.code(503)
      return { status, ...sessionsOf(context) }
    })
  app.get('/metrics', { logLevel: 'warn' }, async (_, reply) => {
    const text = await context.metrics.text()
    return await reply.type(context.metrics.contentType).send(text)
  })
  const description = JSON.stringify(openApi())
  app.get('/openapi.json', async (_, reply) => await reply.type('application/json').send(description))
}

/** All servers share the store of sessions: if each were unready without it, no server would be left for the other routes. */
function sessionsOf({ sessions }: ServeContext): { sessions?: 'ok' | 'unavailable' } {
  const reachable = sessions.reachable?.()
  return reachable === undefined ? {} : { sessions: reachable ? 'ok' : 'unavailable' }
}

function statusOf({ draining, models }: ServeContext): 'ok' | 'draining' | 'loading' | 'stuck' {
  if (draining) return 'draining'
  if (!models.isReady) return 'loading'
  const isStuck = models.all.some(({ text }) => text && text.engine.counts.sinceStep > STUCK_TIME)
  return isStuck ? 'stuck' : 'ok'
}
