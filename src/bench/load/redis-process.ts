// A redis-server of the system's packages, in a folder of its own and on a free port: for runs with faults, and for tests.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expected } from '../../errors.js'

/** Returns the reason for which there is no redis-server; false if there is one. */
export function lacksRedis(): false | string {
  if (spawnSync('redis-server', ['--version']).status === 0) return false
  return 'no redis-server on this machine (Debian: apt-get install redis-server)'
}

/** Returns the reason for which there is no redis-server with TLS; false if there is one. */
export function lacksRedisTls(): false | string {
  const missing = lacksRedis()
  if (missing) return missing
  // A server that was built without TLS does not have the option; another one refuses to start without a key.
  const words = ['--port', '0', '--tls-port', '1', '--tls-cert-file', '/nowhere']
  const { stdout, stderr } = spawnSync('redis-server', words, { encoding: 'utf8' })
  return `${stdout}${stderr}`.includes('Failed to configure TLS') ? false : 'a redis-server that was built without TLS'
}

/** Files of PEM for a server with TLS. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
}

/** Returns a port that is free at present. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A redis-server. */
export class RedisProcess implements AsyncDisposable {
  readonly port: number
  /** Its address, of this machine; that of a server with TLS has the name localhost. */
  readonly url: string
  readonly #words: readonly string[]
  #child: ChildProcess | null = null

  private constructor(port: number, folder: string, words: readonly string[], tls: TlsFiles | null) {
    this.port = port
    this.url = tls ? `rediss://localhost:${port}/0` : `redis://127.0.0.1:${port}/0`
    const own = ['--bind', '127.0.0.1', '--dir', folder, ...portWords(port, tls)]
    this.#words = [...own, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', ...words]
  }

  /** Starts a server whose data is in `folder`; `words`: further options. With `tls` it takes only connections with TLS. */
  static async start(
    folder: string,
    words: readonly string[] = [],
    tls: TlsFiles | null = null
  ): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort(), folder, words, tls)
    await redis.start()
    return redis
  }

  /** Starts the server again with its data. */
  async start(): Promise<void> {
    const child = spawn('redis-server', this.#words, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break
    child.stdout.resume()
    if (child.exitCode === null) return
    const found = `its end with the code ${child.exitCode}`
    throw expected('ERR_UNAVAILABLE', 'a redis-server that runs', found, 'run redis-server by hand to see why')
  }

  /** Ends the server as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Stops the server without the end of any connection, until `resume`. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

function portWords(port: number, tls: TlsFiles | null): string[] {
  if (!tls) return ['--port', `${port}`]
  const files = ['--tls-cert-file', tls.certificate, '--tls-key-file', tls.key, '--tls-ca-cert-file', tls.certificate]
  return ['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no', ...files]
}
