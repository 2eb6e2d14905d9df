// Settings of a server.

import { setting, type Given, type Group, type Values } from '../settings/index.js'
import { engineSettings } from '../tasks/runs/settings.js'

/** Settings of the address and of the process, which a server inside of another one does not have. */
export const listenSettings = {
  host: setting.text({
    default: '127.0.0.1',
    argument: '<address>',
    help: 'address to listen on; 0.0.0.0 lets other machines in'
  }),
  port: setting.integer({ min: 0, max: 65535, default: 8080, help: 'port to listen on; 0: any free one' }),
  drainTime: setting.timeSpan({
    min: 0,
    max: 3600,
    default: 8,
    defaultText: '8s',
    unit: 'seconds',
    help: 'time that requests under way have to end after SIGTERM or SIGINT'
  }),
  logLevel: setting.choice(['silent', 'error', 'warn', 'info', 'debug'], {
    default: 'info',
    help: 'log on standard error'
  }),
  maxConnections: setting.integer({ min: 1, max: 2 ** 20, default: 4096, help: 'most connections at a time' })
} satisfies Group

/** Settings of the routes and of the engines under them. */
export const routeSettings = {
  maxRows: setting.integer({ min: 1, max: 4096, default: 64, help: 'most texts of one step of a model' }),
  maxWaiting: setting.integer({
    min: 0,
    max: 2 ** 20,
    default: 1024,
    help: 'most texts that wait for a step; the next one gets the status 429'
  }),
  maxSessions: setting.integer({ min: 1, max: 2 ** 24, default: 16384, help: 'most sessions that are kept' }),
  sessionTime: setting.timeSpan({
    above: 0,
    max: 1e9,
    default: 3600,
    defaultText: '1h',
    unit: 'seconds',
    help: 'time after which a session without a request is deleted'
  }),
  maxTokens: setting.integer({ min: 1, max: 2 ** 30, default: 65536, help: 'most tokens of one text' }),
  promptShare: setting.number({
    above: 0,
    below: 1,
    default: 0.5,
    argument: '<share>',
    help: 'most share of the time for prompts while texts are written, if the process has one core'
  }),
  maxUses: setting.integer({
    min: 1,
    max: 1024,
    default: 4,
    help: 'most requests of /v1/<verb> at a time for a model; others wait'
  }),
  useTime: setting.timeSpan({
    above: 0,
    max: 86400,
    default: 300,
    defaultText: '5m',
    unit: 'seconds',
    help: 'most time of one request of /v1/<verb>'
  }),
  bodyLimit: setting.integer({
    min: 1024,
    max: 2 ** 30,
    default: 2 ** 20,
    unit: 'bytes',
    help: 'most bytes of the body of a request'
  }),
  sharedWeights: setting.path({
    absent: true,
    argument: '<folder>',
    help: 'folder of files by which processes have one copy of the weights of models that continue texts; default: each process has its own'
  }),
  tokenFile: setting.path({
    absent: true,
    help: 'file with the tokens that requests must have, one a line; default: requests need none'
  }),
  token: setting.text({ absent: true, flag: null, help: 'token that requests must have' }),
  sessionKeyFile: setting.path({
    absent: true,
    help: 'file with the key that signs saved sessions; default: a random key, so that sessions end with the process'
  }),
  sessions: setting.text({
    absent: true,
    argument: '<address>',
    help: 'Redis or Valkey in which several servers share their sessions, such as redis://host:6379/0, with TLS rediss://; default: the memory of the process'
  }),
  sessionsPasswordFile: setting.path({
    absent: true,
    help: 'file with the password of the server of --sessions; default: the one in the address'
  }),
  allowHost: setting.texts({
    absent: true,
    argument: '<name...>',
    help: 'names of the server that requests may have in their Host header, next to localhost, 127.0.0.1 and [::1]'
  }),
  allowOrigin: setting.texts({
    absent: true,
    argument: '<origin...>',
    help: 'origins of web pages of other servers that may send requests, such as https://example.org'
  }),
  ...engineSettings('the fastest number for one stream')
} satisfies Group

/** All settings of `gatecell serve`. */
export const serveSettings = { ...listenSettings, ...routeSettings } satisfies Group

/** Values of the settings of the routes. */
export type RouteValues = Values<typeof routeSettings>
/** Values of the settings of the address. */
export type ListenValues = Values<typeof listenSettings>
/** Values that a caller gives. */
export type GivenRouteValues = Readonly<Given<typeof routeSettings>>
/** Values of the address that a caller gives. */
export type GivenListenValues = Readonly<Given<typeof listenSettings>>
