// TensorBoard event files: scalars only. TFRecord framing (length, masked CRC-32C, data, masked CRC-32C) around Event
// messages of tensorflow/core/util/event.proto.

import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { callback, invalid, filled, integer, number, optional, options as optionsOf } from '../../check/index.js'
import type { Check } from '../../check/index.js'
import { expected } from '../../errors.js'
import { appendWhole } from './append.js'
import { writeError } from '../atomic.js'
import { crc32c, maskCrc32c } from '../crc32c.js'
import { fixedField, integerField, messageField, textField, type Message } from '../protobuf.js'

/** An open event file of TensorBoard. */
export interface EventLog {
  readonly path: string
  /** Adds one point of the curve `tag` (at most 4,096 characters); `seconds` is the wall time since 1970. Kept in memory until flush. */
  scalar(tag: string, value: number, step: number, seconds?: number): void
  flush(): void
  /** Writes the points that are still in memory and closes the file. Afterwards `scalar` and `flush` throw ERR_DISPOSED. */
  close(): void
}

/** The options of `openEventLog`. */
export interface EventLogOptions {
  /** The step from which a resumed run continues: TensorBoard then drops the points of the killed run after it. */
  readonly resumeStep?: number
  /** Seconds since 1970; for tests. */
  readonly now?: () => number
}

// Field numbers of the messages.
const EVENT_WALL_TIME = 1
const EVENT_STEP = 2
const EVENT_FILE_VERSION = 3
const EVENT_SUMMARY = 5
const EVENT_SESSION_LOG = 7
const SUMMARY_VALUE = 1
const VALUE_TAG = 1
const VALUE_SIMPLE = 2
const SESSION_STATUS = 1
const SESSION_START = 1

function event(seconds: number, step: number, content: Message): Uint8Array {
  return Buffer.concat([...fixedField(EVENT_WALL_TIME, seconds, 8), ...integerField(EVENT_STEP, step), ...content])
}

function record(data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 16)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskCrc32c(crc32c(bytes.subarray(0, 8))), true)
  bytes.set(data, 12)
  view.setUint32(12 + data.length, maskCrc32c(crc32c(data)), true)
  return bytes
}

const readOptions = optionsOf<EventLogOptions>({ resumeStep: optional(integer(0)), now: optional(callback()) })
/** Most characters of a tag, so that the time to encode a point stays small. */
const MAX_TAG = 2 ** 12

const tagOf: Check<string> = (value, name) => {
  if (typeof value === 'string' && value.length <= MAX_TAG) return value
  throw invalid(`a string of at most ${MAX_TAG} characters`, name, value)
}
/** Seconds since 1970. */
const time = number(0, 1e12)

/**
 * Opens a new event file in `folder`, which is created if it is missing. Unlike a checkpoint, it contains wall times and the name of the
 * host. Throws ERR_INVALID_ARGUMENT for invalid options, ERR_FILE_WRITE.
 */
export function openEventLog(folder: string, logOptions: EventLogOptions = {}): EventLog {
  filled(folder, 'the folder')
  const options = readOptions(logOptions, 'the options of openEventLog')
  const clock = options.now ?? (() => Date.now() / 1000)
  const now = () => time(clock(), 'the time')
  const { path, fd } = createFile(folder, Math.floor(now()))
  let pending: Uint8Array[] = []
  const add = (data: Uint8Array) => pending.push(record(data))

  const flush = (): void => {
    const bytes = Buffer.concat(pending)
    pending = []
    appendWhole(path, fd, bytes)
  }

  add(event(now(), 0, textField(EVENT_FILE_VERSION, 'brain.Event:2')))
  if (options.resumeStep !== undefined) {
    const status = integerField(SESSION_STATUS, SESSION_START)
    add(event(now(), options.resumeStep, messageField(EVENT_SESSION_LOG, status)))
  }
  flush()
  let open = true
  const checkOpen = (): void => {
    if (!open) throw expected('ERR_DISPOSED', `an open event log ${path}`, 'one that was closed', 'open it again')
  }
  return {
    path,
    flush() {
      checkOpen()
      flush()
    },
    scalar(tag, value, step, seconds = now()) {
      checkOpen()
      integer(0)(step, 'step')
      tagOf(tag, 'tag')
      if (typeof value !== 'number') number()(value, 'value') // NaN and infinities are points of a curve, too
      time(seconds, 'seconds')
      const content = [...textField(VALUE_TAG, tag), ...fixedField(VALUE_SIMPLE, value, 4)]
      add(event(seconds, step, messageField(EVENT_SUMMARY, messageField(SUMMARY_VALUE, content))))
    },
    close() {
      if (!open) return
      open = false
      try {
        flush()
      } finally {
        fs.closeSync(fd)
      }
    }
  }
}

/** Creates a file of the form of name that TensorBoard reads: the word tfevents, then seconds, so that files sort by age. */
function createFile(folder: string, seconds: number): { path: string; fd: number } {
  const start = `events.out.tfevents.${String(seconds).padStart(10, '0')}.${hostname()}.${process.pid}`
  for (let number = 0; ; number++) {
    const path = join(folder, `${start}.${number}`)
    try {
      fs.mkdirSync(folder, { recursive: true })
      return { path, fd: fs.openSync(path, 'ax') }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !fs.existsSync(path)) throw writeError(path, error)
    }
  }
}
