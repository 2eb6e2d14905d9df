// A real redis-server of the system's packages for tests, in a folder of its own and on a free port.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Whether the machine has a redis-server. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

/** The reason for which tests with Redis are left out; false if they run. */
export const noRedis = hasRedis ? false : 'no redis-server on this machine (Debian: apt-get install redis-server)'

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
export class TestRedis implements AsyncDisposable {
  readonly port: number
  readonly #words: readonly string[]
  #child: ChildProcess | null = null

  private constructor(port: number, folder: string, words: readonly string[]) {
    this.port = port
    const own = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder]
    this.#words = [...own, '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', ...words]
  }

  /** Starts a server whose data is in `folder`; `words`: further options. */
  static async start(folder: string, words: readonly string[] = []): Promise<TestRedis> {
    const redis = new TestRedis(await freePort(), folder, words)
    await redis.start()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`
  }

  /** Starts the server again with its data. */
  async start(): Promise<void> {
    const child = spawn('redis-server', this.#words, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break
    child.stdout.resume()
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`)
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
