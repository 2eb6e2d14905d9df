// Exponential average of the weights over the steps of a run. The first step copies the weights, and each later one moves the average by the
// share 1 - decay of its distance to the weights, as torch.optim.swa_utils.AveragedModel does with get_ema_multi_avg_fn(decay). The update is
// native (native/core/optimizer.cc); this file decides when it begins, and makes the model that is validated.

import type { FitClaim } from '../graph/operations.js'
import type { Model } from '../model.js'
import type { Progress } from './progress.js'

/** The averaged weights of one run. */
export class WeightAverage {
  readonly #model: Model
  readonly #decay: number | undefined
  #copy: Model | null = null

  /** `decay` is from 0 to 1, or undefined for no average. Throws ERR_BUSY while an operation on the model is under way. */
  constructor(model: Model, decay: number | undefined) {
    this.#model = model
    this.#decay = decay
    if (decay !== undefined) model.parameters.addArena('average')
  }

  /** Returns the share of its distance to the weights by which the next step moves the average; 0 if there is none. */
  share({ averaged = 0 }: Progress): number {
    if (this.#decay === undefined) return 0
    return averaged === 0 ? 1 : 1 - this.#decay
  }

  /** Returns the fields of the progress that a step changes. */
  counted({ averaged = 0 }: Progress): Pick<Progress, 'averaged'> {
    return this.#decay === undefined ? {} : { averaged: averaged + 1 }
  }

  /** Before the first step, copies all weights into the average, for parameters that are not trained. Returns false if the caller aborted. */
  async begin({ averaged = 0 }: Progress, claim: FitClaim, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#decay === undefined || averaged > 0) return true
    const release = await claim.step(signal)
    if (release === null) return false
    try {
      claim.write(() => this.#model.parameters.startAverage())
    } finally {
      release()
    }
    return true
  }

  /** Returns a model with the averaged weights, valid until the next step; the trained model itself if there is no average. */
  model({ averaged = 0 }: Progress): Model {
    if (averaged === 0) return this.#model
    this.#copy ??= this.#model.clone()
    this.#copy.parameters.copyFrom(this.#model.parameters, 'average')
    return this.#copy
  }

  /** Frees the model with the averaged weights. */
  release(): void {
    this.#copy?.dispose()
    this.#copy = null
  }
}
