// createEngine: many sequences of one model at once, each with the results that it would have by itself.

import { expected } from '../../errors.js'
import type { SessionCore } from '../session-core.js'
import type { TokenModel } from '../stream-kind.js'
import { disposedError, ServingEngine, type OwnSequence } from './serving-engine.js'
import * as types from './types.js'
import type { Engine, EngineOptions, EngineSession, EngineState } from './types.js'

/** Returns the session of a sequence. */
function sessionOf(engine: ServingEngine, sequence: OwnSequence): EngineSession {
  let disposed = false
  engine.sessions++
  const check = () => {
    engine.checkLive()
    if (disposed) throw disposedError('a session')
    if (sequence.job)
      throw expected('ERR_BUSY', 'an idle session', 'one with a generation under way', 'await its end first')
  }
  const dispose = () => {
    if (disposed) return
    disposed = true
    engine.sessions--
    const { job } = sequence
    if (job) job.fail(disposedError('a session'))
  }
  return {
    get position() {
      return sequence.value.position
    },
    generate(prompt, options) {
      check()
      return engine.generate(sequence, true, prompt, options)
    },
    save() {
      check()
      return { ...saved(sequence.core), unread: sequence.unread.slice() }
    },
    restore(state) {
      check()
      restore(engine, sequence, state)
    },
    fork() {
      check()
      engine.checkRoomForSession()
      return sessionOf(engine, engine.sequence(sequence))
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}

function saved(core: SessionCore) {
  const { position, seed, states, inputs } = core.copy().value
  return { version: 1 as const, position, seed, states, inputs }
}

/** Replaces the value of a sequence, after all of it was checked. */
function restore(engine: ServingEngine, sequence: OwnSequence, given: EngineState): void {
  const { states, inputs, position, seed, unread } = types.readEngineState(given, 'the state of the session')
  engine.checkTokens(unread)
  const { core } = sequence
  core.checkInputs(inputs)
  core.setStates(states)
  core.setInputs(inputs)
  core.value.position = position
  core.value.seed = seed
  sequence.unread = unread
  sequence.isNew = false
}

/**
 * Returns an engine that serves many sequences of `model` at once: all of them are rows of one native step, which they join and leave between
 * two steps. A sequence has the same tokens by itself and next to any others, with any number of threads. The model may be any that names its
 * token input and logits output (`stream` in its definition), such as those of `gatecell/text`, or with `sequence` any model whose samplers feed its
 * inputs. It may be trained meanwhile: then each block of steps has the weights of one moment. Disposing of the engine leaves the model as it is.
 * Throws ERR_UNSUPPORTED for other models, ERR_INVALID_ARGUMENT for options out of range, and ERR_INVALID_SHAPE for samplers that do not fit.
 *
 * @example
 * const engine = createEngine(model, { vocabulary, maxRows: 64 })
 * for await (const { text } of engine.generate('Once upon', { maxTokens: 100, temperature: 0.8, stop: ['\n\n'] }))
 *   process.stdout.write(text)
 */
export function createEngine(model: TokenModel, options?: EngineOptions): Engine {
  const engine = new ServingEngine(model, types.readEngineOptions(options, 'the options of the engine'))
  const { scheduler } = engine
  const dispose = () => {
    if (engine.disposed) return
    engine.disposed = true
    scheduler.close(disposedError('an engine'))
  }
  return {
    createSession(state) {
      engine.checkRoomForSession()
      const sequence = engine.sequence()
      if (state !== undefined) restore(engine, sequence, state)
      return sessionOf(engine, sequence)
    },
    generate: (prompt, given) => engine.generate(engine.sequence(), false, prompt, given),
    get counts() {
      const { jobs, running, totals, sinceStep } = scheduler
      let paused = 0
      for (const { state } of jobs) if (state === 'paused') paused++
      const waiting = jobs.size - running - paused
      return { running, waiting: Math.max(0, waiting), paused, sessions: engine.sessions, ...totals, sinceStep }
    },
    measures: scheduler.measures,
    async drain() {
      engine.draining = true
      while (scheduler.jobs.size > 0) await Promise.allSettled([...scheduler.jobs].map(({ finished }) => finished))
      await scheduler.idle
    },
    dispose,
    [Symbol.dispose]: dispose
  }
}
