// The entry `gatecell/serve`: models over HTTP, as a server of its own or as a part of another one.

export {
  createHandler,
  createServer,
  servePlugin,
  type GatecellServer,
  type RequestHandler,
  type RouteOptions,
  type ServerOptions
} from './server.js'
export type { FileSource, MemorySource, ModelSource } from './model-source.js'
export type { Reloaded } from './models.js'
export type { HeldSession, SessionStore } from './session-store.js'
