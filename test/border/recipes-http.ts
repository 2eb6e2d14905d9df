// Servers over models. The host is left out: names of hosts are looked up in the network.
import type { FastifyInstance } from 'fastify'
import {
  createHandler,
  createServer,
  servePlugin,
  type ServerOptions,
  type SessionStore
} from '../../src/serve/index.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'

const store = (): SessionStore => ({
  add: async () => {},
  get: async () => null,
  hold: async () => null,
  delete: async () => false,
  count: () => 0,
  close: async () => {}
})

const routeOptions = () => ({
  models: [{ path: 'text.safetensors', id: 'a' }],
  sessions: store(),
  ...{ maxRows: 4, maxWaiting: 4, maxSessions: 4, sessionTime: 9, maxTokens: 100, promptShare: 0.3, maxUses: 2 },
  ...{ useTime: 9, bodyLimit: 2048, token: 'secret', allowHost: ['a.example'], allowOrigin: ['https://a.example'] },
  ...{ weights: 'f32', device: 'cpu', threads: 1 }
})
const serverOptions = () =>
  ({ ...routeOptions(), port: 0, drainTime: 0, logLevel: 'silent', maxConnections: 9 }) as ServerOptions

const small = { models: ['text.safetensors'], port: 0, drainTime: 0, logLevel: 'silent', device: 'cpu' } as const
const digest = () => ''
// Ports, devices and numbers of threads that a machine does not have are refused later.
const server = (name: 'reload' | 'close') =>
  method('GatecellServer', name, () => createServer(small), () => [], { cost: 60, digest, once: true }) // prettier-ignore
const handler = (name: 'reload' | 'close') =>
  method('RequestHandler', name, () => createHandler({ models: small.models, device: 'cpu' }), () => [], { cost: 60, digest, once: true }) // prettier-ignore

/** An instance of fastify as far as a plugin uses it. */
function instance(): FastifyInstance {
  const app = {} as Record<string, unknown>
  for (const name of [
    'addHook',
    'options',
    'get',
    'post',
    'put',
    'delete',
    'addContentTypeParser',
    'removeContentTypeParser',
    'setErrorHandler'
  ])
    // prettier-ignore
    app[name] = () => app
  app['hasContentTypeParser'] = () => true
  return app as unknown as FastifyInstance
}

export const httpRecipes: AnyRecipe[] = [
  pure('serve.createServer', createServer, () => [serverOptions()], { cost: 60, digest, returns: 'GatecellServer' }),
  server('reload'),
  server('close'),
  pure('serve.createHandler', createHandler, () => [routeOptions()], { cost: 60, digest, returns: 'RequestHandler' }),
  recipe<null>({
    name: 'RequestHandler.handle',
    setup: () => null,
    args: () => [],
    call: () => undefined,
    pure: true
  }),
  handler('reload'),
  handler('close'),
  recipe<null>({
    name: 'serve.servePlugin',
    setup: () => null,
    args: () => [instance(), routeOptions()],
    call: (_, given) => servePlugin(...(given as Parameters<typeof servePlugin>)),
    digest,
    cost: 60
  })
]
