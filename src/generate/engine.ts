// The plans that all streams of one model share. A stream is only a value; the plans of the engine hold the state of the stream that
// made the last synchronous call, and return it when another stream makes one. Blocks of generate() and prime() run in seats: sets of
// plans that one stream has for one block, which runs on the engine's thread.

import { Seats } from './seats.js'
import { createSteps, type Steps, type TokenModel } from './steps.js'

/** The stream whose state is in the plans. */
export interface Owner {
  /** The plans go to another stream: copy your state out of them. */
  leave(): void
}

export interface StepEngine extends Steps {
  owner: Owner | null
  readonly seats: Seats<Steps>
}

const engines = new WeakMap<TokenModel, StepEngine>()

/** Returns the engine of `model`, made at the first call. Throws ERR_UNSUPPORTED if the model does not define a stream of tokens. */
export function engineOf(model: TokenModel): StepEngine {
  let engine = engines.get(model)
  if (!engine || engine.plan.disposed) {
    engine = { ...createSteps(model), owner: null, seats: new Seats(model.parameters, () => createSteps(model)) }
    engines.set(model, engine)
  }
  return engine
}
