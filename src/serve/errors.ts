// Errors of requests: their status in HTTP, and the body that clients of OpenAI's API read.

import { expected, GatecellError, type ErrorCode } from '../errors.js'

/** An error of a request with its status. */
export class RequestError extends Error {
  readonly status: number
  readonly error: GatecellError
  /** The field of the body that is wrong; null if no single one is. */
  readonly param: string | null
  /** More headers of the answer. */
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    error: GatecellError,
    { param = null, headers = {} }: { param?: string | null; headers?: Readonly<Record<string, string>> } = {}
  ) {
    super(error.message, { cause: error })
    this.name = 'RequestError'
    this.status = status
    this.error = error
    this.param = param
    this.headers = headers
  }
}

/** The statuses of errors that a request can cause; all others are 500. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  ERR_INVALID_ARGUMENT: 400,
  ERR_INVALID_SHAPE: 400,
  ERR_OUT_OF_RANGE: 400,
  ERR_UNSUPPORTED: 400,
  ERR_FILE_FORMAT: 400,
  ERR_CORPUS_EMPTY: 400,
  ERR_CORPUS_BINARY: 400,
  ERR_UNKNOWN_SYMBOL: 400,
  ERR_WRONG_TASK: 400,
  ERR_INVALID_OPTION: 400,
  ERR_INVALID_INK: 400,
  ERR_TARGET_TOO_LONG: 400,
  ERR_BAD_REQUEST: 400,
  ERR_FORBIDDEN: 403,
  ERR_NOT_FOUND: 404,
  ERR_BUSY: 409,
  ERR_OVERLOADED: 429,
  ERR_DISPOSED: 503,
  ERR_ABORTED: 503,
  ERR_OUT_OF_MEMORY: 503,
  ERR_UNAVAILABLE: 503
}

/** Calls `read`, and makes its GatecellError one of the field `param`. */
export function inField<T>(param: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof GatecellError && statusOf(error) === 400) throw new RequestError(400, error, { param })
    throw error
  }
}

function statusOf({ code }: GatecellError): number {
  return STATUSES[code] ?? 500
}

/** The body of an error. */
export interface ErrorBody {
  readonly error: { message: string; type: string; param: string | null; code: string }
}

/** An error as an answer. */
export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ErrorBody
  /** Whether the error is one of the server, whose cause belongs in the log. */
  readonly isOurs: boolean
}

/** Returns the answer for any error of a request. Errors that are not ours are shown without their message, which may hold data of others. */
export function errorAnswer(error: unknown, facts: { bodyLimit: number; draining: boolean }): ErrorAnswer {
  const known = knownError(error, facts)
  const { status, param } = known
  const { code, message } = known.error
  return {
    status,
    headers: { ...retryHeaders(status, code, facts.draining), ...known.headers },
    body: { error: { message, type: typeOf(status), param, code } },
    isOurs: status === 500
  }
}

function retryHeaders(status: number, code: ErrorCode, draining: boolean): Record<string, string> {
  if (status === 503 && draining) return { 'x-should-retry': 'false', connection: 'close' }
  if (status === 429 || code === 'ERR_UNAVAILABLE')
    return { 'retry-after': '1', 'retry-after-ms': '500', 'x-should-retry': 'true' }
  return {}
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403 || status === 421) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 409) return 'conflict_error'
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

function knownError(error: unknown, facts: { bodyLimit: number; draining: boolean }): RequestError {
  if (error instanceof RequestError) return error
  if (error instanceof GatecellError && error.code === 'ERR_ABORTED' && error.cause instanceof GatecellError)
    return new RequestError(503, error.cause)
  if (error instanceof GatecellError) {
    const status = statusOf(error)
    if (status === 429 && facts.draining) return new RequestError(503, error)
    if (status !== 500) return new RequestError(status, error)
  }
  const { statusCode = 500, code = '' } = (error ?? {}) as { statusCode?: number; code?: string }
  if (statusCode >= 400 && statusCode < 500) return new RequestError(statusCode, fromFastify(code, facts.bodyLimit))
  const remedy = 'report it with the id of the request and the log of the server'
  return new RequestError(500, expected('ERR_BAD_REQUEST', 'to answer the request', 'an error of the server', remedy))
}

/** Returns the bytes of an answer to a connection whose bytes are not HTTP, or too slow or too many. `code`: that of Node.js. */
export function refusedConnection(code: string): string {
  const known = CONNECTION_ERRORS[code] ?? ([400, 'Bad Request', 'a request of HTTP', 'other bytes'] as const)
  const [status, reason, what, found] = known
  const error = expected('ERR_BAD_REQUEST', what, found, 'correct the client')
  const body = JSON.stringify({
    error: { message: error.message, type: typeOf(status), param: null, code: error.code }
  })
  const headers = ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close']
  return `HTTP/1.1 ${status} ${reason}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}

const CONNECTION_ERRORS: Readonly<Record<string, readonly [number, string, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'headers of at most 16 KiB', 'larger ones'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'a whole request within a minute', 'a part of one']
}

/** Returns the error of a request that fastify refuses. */
function fromFastify(code: string, bodyLimit: number): GatecellError {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return expected('ERR_BAD_REQUEST', `a body of at most ${bodyLimit} bytes`, 'a larger one', 'send less')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return expected(
        'ERR_BAD_REQUEST',
        'a body of a type that the route takes',
        'another content-type',
        'send content-type: application/json'
      )
    case 'FST_ERR_BAD_URL':
      return expected('ERR_BAD_REQUEST', 'an address', 'one with a wrong %', 'correct the address')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return expected('ERR_BAD_REQUEST', 'a body of its content-length', 'another size', 'correct the header')
    default:
      return expected('ERR_BAD_REQUEST', 'a request with a body of JSON', 'one with a fault', 'correct its JSON')
  }
}

/** Returns the 404 for a thing that a request names. */
export function notFound(what: string, name: string, remedy: string): RequestError {
  return new RequestError(404, expected('ERR_NOT_FOUND', what, name, remedy))
}

/** Returns the error of a session whose stored bytes cannot be used: no fault of the client, and no reason to try again. */
export function damagedSession(found: string, cause: unknown): RequestError {
  const remedy = 'give all servers one sessionKeyFile, or delete the session and begin another one'
  const error = expected('ERR_FILE_FORMAT', 'a session of these servers in their store', found, remedy, cause)
  return new RequestError(500, error, { headers: { 'x-should-retry': 'false' } })
}
