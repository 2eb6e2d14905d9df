// A rival in a process of its own. It reads one command a line and answers each with one line of JSON:
//   open <id> <mode> <precision> <layers> <B> <T> <H> <variant>   {} or {"unsupported": reason}
//   burst <id> <seconds> <0|1: warm>                              {"us": [microseconds of each run]}
//   close <id>                                                    {}

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { expected } from '../../errors.js'
import { parseJsonObject, type JsonObject } from '../../io/json.js'
import type { Task, Variant } from './types.js'

/** A process that runs a rival. */
export interface Child {
  /** Sends a command and waits for its answer. Throws ERR_UNSUPPORTED if the process ended or answered with an error. */
  ask(command: string): Promise<JsonObject>
  close(): Promise<void>
}

const MAX_ERROR_TEXT = 4000

/** Starts a process that runs a rival. */
export function startChild(
  file: string,
  words: readonly string[],
  environment: Readonly<Record<string, string>>
): Child {
  const child = spawn(file, words, { env: { ...process.env, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let errorText = ''
  child.stderr.on('data', (chunk: Buffer) => (errorText = (errorText + chunk.toString()).slice(-MAX_ERROR_TEXT)))
  child.stdin.on('error', () => {}) // the missing answer shows the failure
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      errorText += error.message
      resolve()
    })
    child.once('close', () => resolve())
  })
  const failure = (command: string, why: string) =>
    expected('ERR_UNSUPPORTED', `an answer of ${file} to "${command}"`, why, 'run it by hand to see why')

  async function ask(command: string): Promise<JsonObject> {
    child.stdin.write(`${command}\n`)
    const { value, done } = (await answers.next()) as IteratorResult<string, undefined>
    if (done === true) {
      await ended
      throw failure(command, `its end (${errorText.trim().split('\n').at(-1) ?? ''})`)
    }
    const answer = parseJsonObject(value, `an answer of ${file}`)
    if (typeof answer['error'] === 'string') throw failure(command, `an error (${answer['error']})`)
    return answer
  }

  return {
    ask,
    async close() {
      child.stdin.end()
      child.kill()
      await ended
    }
  }
}

let lastId = 0

/** Opens `task` in the process. Returns null if the rival does not support it. */
export async function openInChild(child: Child, task: Task, variant: string, note: string): Promise<Variant | null> {
  const { mode, precision, sizes } = task
  const id = ++lastId
  const { layers, B, T, H } = sizes
  const answer = await child.ask(`open ${id} ${mode} ${precision} ${layers} ${B} ${T} ${H} ${variant}`)
  if (answer['unsupported'] !== undefined) return null
  return {
    note,
    async burst(seconds, warm) {
      const { us } = await child.ask(`burst ${id} ${seconds} ${warm ? 1 : 0}`)
      if (!Array.isArray(us) || us.length === 0 || !us.every((time) => typeof time === 'number')) {
        throw expected('ERR_UNSUPPORTED', 'times from a rival', `${JSON.stringify(us)}`, 'check its script')
      }
      return us
    },
    async close() {
      await child.ask(`close ${id}`)
    }
  }
}
