// Small models and servers for tests of serving.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, type GatecellServer, type ServerOptions } from '../../src/serve/index.js'
import { story, tiny } from '../cli/command.js'
import { inProcess } from '../cli/in-process.js'

/** Trains a text model of a second in a folder, and returns the path of its file. */
export async function trainedModel(folder: string, name = 'tiny', more: readonly string[] = []): Promise<string> {
  const [text, path] = [join(folder, 'story.txt'), join(folder, `${name}.safetensors`)]
  writeFileSync(text, story(8000))
  const { code, stderr } = await inProcess(['train', 'text', text, '--out', path, '--force', ...tiny, ...more])
  if (code !== 0) throw new Error(stderr)
  return path
}

/** Starts a server on a free port, without logs. */
export async function startServer(options: ServerOptions): Promise<GatecellServer> {
  return await createServer({ port: 0, logLevel: 'silent', device: 'cpu', drainTime: 1, ...options })
}

export interface Answer {
  status: number
  headers: Record<string, unknown>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any
  text: string
}

/** Sends a request without a socket. */
export async function send(
  { app }: GatecellServer,
  url: string,
  body?: unknown,
  {
    method = body === undefined ? 'GET' : 'POST',
    headers = {}
  }: { method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'; headers?: Record<string, string> } = {}
): Promise<Answer> {
  const isBytes = Buffer.isBuffer(body)
  const isText = typeof body === 'string'
  const type = isBytes ? 'application/octet-stream' : 'application/json'
  const payload = body === undefined ? {} : { payload: isBytes || isText ? body : JSON.stringify(body) }
  const own = { host: 'localhost:1', ...(body === undefined ? {} : { 'content-type': type }), ...headers }
  const answer = await app.inject({ method, url, headers: own, ...payload })
  const text = answer.body
  return { status: answer.statusCode, headers: answer.headers, text, json: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Returns the data of the events of a stream; the last one is '[DONE]' as a text. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function eventsOf(text: string): any[] {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => (event === 'data: [DONE]' ? '[DONE]' : JSON.parse(event.slice(6))))
}

/** Returns the sum of the samples of a measurement of a server. */
export async function measured(server: GatecellServer, name: string): Promise<number> {
  const { text } = await send(server, '/metrics')
  const found = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))]
  return found.reduce((sum, [, value]) => sum + Number(value), 0)
}

/** Waits until `condition` holds, at most `seconds`. */
export async function until(condition: () => Promise<boolean> | boolean, seconds = 10): Promise<boolean> {
  const end = performance.now() + 1000 * seconds
  while (performance.now() < end) {
    if (await condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return false
}
