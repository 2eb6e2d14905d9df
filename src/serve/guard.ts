// Checks before a request is read: its host, the page that sent it, its token. Every web page that a user opens can reach a server on the
// user's machine, so the first two matter even without a token.

import { createHash, timingSafeEqual } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { BlockList } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { expected, show } from '../errors.js'
import { RequestError } from './errors.js'
import type { RouteValues } from './settings.js'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/** Rules of a server. */
export interface Rules {
  /** Names in Host headers; null: any. */
  readonly hosts: readonly string[] | null
  /** Origins of pages of other servers. */
  readonly origins: readonly string[]
  /** SHA-256 of the tokens; empty: no request needs one. */
  readonly tokens: readonly Buffer[]
}

/** Returns the rules that settings describe. `host`: the address of the server; null if it is not known. Throws ERR_FILE_NOT_FOUND. */
export async function readRules(values: RouteValues, host: string | null): Promise<Rules> {
  const { allowHost = [], allowOrigin = [], token } = values
  const tokens = [...(await tokensOf(values)), ...(token !== undefined ? [token] : [])]
  const isOpen = host !== null && allowHost.length === 0 && !(await isLoopback(host))
  return {
    hosts: isOpen ? null : [...LOOPBACK_NAMES, ...allowHost.map((name) => name.toLowerCase())],
    origins: allowOrigin.map((origin) => origin.replace(/\/$/, '').toLowerCase()),
    tokens: tokens.map(digest)
  }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

/** Returns whether an address, which may be a name or a short form such as 127.1, can be reached from this machine only. */
async function isLoopback(host: string): Promise<boolean> {
  try {
    const { address, family } = await lookup(host)
    return loopback.check(address, family === 6 ? 'ipv6' : 'ipv4')
  } catch {
    return false // listening reports that there is no such address
  }
}

async function tokensOf({ tokenFile }: RouteValues): Promise<string[]> {
  if (tokenFile === undefined) return []
  const lines = (await readSecret(tokenFile)).split('\n').map((line) => line.trim())
  const tokens = lines.filter((line) => line !== '')
  if (tokens.length > 0) return tokens
  throw expected('ERR_FILE_FORMAT', `a token in ${tokenFile}`, 'an empty file', 'write a line with a token')
}

/** Reads a file with a secret. Throws ERR_FILE_NOT_FOUND. */
export async function readSecret(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException
    throw expected('ERR_FILE_NOT_FOUND', `a file that can be read at ${path}`, code, 'correct the path', error)
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Throws unless the request may be answered: 421 for another host, 403 for a page of another server, 401 without a token. */
export function checkRequest(request: FastifyRequest, rules: Rules, isPublic: boolean): void {
  checkHost(request, rules)
  checkOrigin(request, rules)
  if (!isPublic) checkToken(request, rules)
}

function checkHost({ headers: { host = '' } }: FastifyRequest, { hosts }: Rules): void {
  if (hosts === null) return
  const [, name = ''] = /^(\[[0-9a-f:.]+\]|[^:/@\s]+)(?::\d{1,5})?$/i.exec(host) ?? []
  if (hosts.includes(name.toLowerCase())) return
  const remedy = 'allow the name of the server (allowHost) if it is yours'
  throw new RequestError(421, expected('ERR_FORBIDDEN', `the host ${hosts.join(' or ')}`, show(host), remedy))
}

/** Returns the origin among `rules` that a request has; null if it has none or that of the server itself. */
export function allowedOrigin({ headers: { origin } }: FastifyRequest, { origins }: Rules): string | null {
  return origins.find((one) => one === origin?.toLowerCase()) ?? null
}

function checkOrigin(request: FastifyRequest, rules: Rules): void {
  const { origin, host } = request.headers
  if (origin === undefined || allowedOrigin(request, rules) !== null) return
  if (origin.replace(/^https?:\/\//, '').toLowerCase() === host?.toLowerCase()) return
  const remedy = 'allow the origin (allowOrigin) if its pages may use this server'
  throw new RequestError(403, expected('ERR_FORBIDDEN', 'a page of this server', show(origin), remedy))
}

function checkToken({ headers: { authorization = '' } }: FastifyRequest, { tokens }: Rules): void {
  if (tokens.length === 0) return
  const [, given = ''] = /^Bearer +(\S+) *$/i.exec(authorization) ?? []
  const found = digest(given)
  // All of them are compared, so that the time does not depend on which one fits.
  const fits = tokens.filter((token) => timingSafeEqual(token, found)).length > 0
  if (fits && given !== '') return
  const error = expected(
    'ERR_FORBIDDEN',
    'a token of the server',
    given === '' ? 'none' : 'another one',
    'send it as "authorization: Bearer <token>"'
  )
  throw new RequestError(401, error, { headers: { 'www-authenticate': 'Bearer' } })
}

/** Adds the headers that let a page of an allowed origin read the answer. */
export function addOriginHeaders(request: FastifyRequest, reply: FastifyReply, rules: Rules): void {
  if (rules.origins.length === 0) return
  void reply.header('vary', 'origin')
  const origin = allowedOrigin(request, rules)
  if (origin === null) return
  void reply.header('access-control-allow-origin', origin)
  void reply.header('access-control-expose-headers', 'x-request-id, retry-after')
  if (request.method !== 'OPTIONS') return
  void reply.header('access-control-allow-methods', 'GET, POST, PUT, DELETE')
  void reply.header('access-control-allow-headers', 'authorization, content-type')
  void reply.header('access-control-max-age', '600')
}
