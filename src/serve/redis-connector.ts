// Connections with TLS for the client of Redis.

import { connect, type TLSSocket } from 'node:tls'
import type { AbstractConnector } from 'ioredis'

/** Milliseconds after which a connection that was ended is destroyed. */
const CLOSE_TIME = 2000

/**
 * Returns the connector of ioredis for TLS. Its own one listens to the first error of a socket only, and a handshake that fails, for example
 * because of an unknown authority, can have two: the second would end the process.
 */
export function tlsConnector(
  Base: typeof AbstractConnector,
  { host, port }: { host: string; port: number }
): new () => AbstractConnector {
  return class extends Base {
    constructor() {
      super(CLOSE_TIME)
    }

    override async connect(): Promise<TLSSocket> {
      this.connecting = true
      const socket = connect({ host, port })
      socket.on('error', (error: Error) => (this.firstError ??= error))
      this.stream = socket
      return await Promise.resolve(socket)
    }
  }
}
