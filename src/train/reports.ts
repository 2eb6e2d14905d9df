// The results of a training for its caller: reports during the run, validations, events and the summary at the end; and the options of `fit`.

import { choice, optional, options as optionsOf, signal as signalOf } from '../check/index.js'

/** A report of the run, about once a second or every `reportEvery` steps. */
export interface Report {
  /** Steps made. */
  step: number
  /** Finished passes over the data. */
  epoch: number
  /** Mean loss of the steps since the last report; nats for cross-entropy. */
  loss: number
  /** Exponential mean of the loss with decay 0.98. */
  smoothedLoss: number
  /** Global norm of the last step's gradients before clipping. */
  gradNorm: number
  /** Rate of the last step. */
  learningRate: number
  /** Symbols trained on since the run began, those before a resume included. */
  tokens: number
  /** Symbols per second of training since the last report. */
  tokensPerSecond: number
  /**
   * Share, 0 to 1, of the training time since the last report in which no step was running, because the next batch was not ready or this
   * thread was busy with the preparation of batches or other work.
   */
  waiting: number
  /** Seconds of training in this fit. */
  seconds: number
  /** Estimated seconds of training until the end; null if the end is unknown. */
  remaining: number | null
  /** Finished share of the run, from 0 to 1; null if the end is unknown. */
  fraction: number | null
  /** The validation made at this step; null if there was none. */
  validation: Validation | null
}

/** The figure that early stopping and the choice of the best weights use. */
export interface Monitor {
  /** 'loss', or the name of a metric. */
  name: string
  better: 'higher' | 'lower'
}

/** Returns the name of the monitored figure, with - before it if higher is better. */
export function monitorKey({ name, better }: Monitor): string {
  return better === 'higher' ? `-${name}` : name
}

/** A validation as progress and summary store it. */
export interface Measured {
  loss: number
  step: number
  /** The value of each metric; absent without metrics. */
  metrics?: Readonly<Record<string, number>>
}

/** A validation during a run. */
export interface Validation {
  /** Steps made before it. */
  step: number
  /** Mean loss of the validation data. */
  loss: number
  /** Whether it is the best so far by the monitored figure. */
  best: boolean
  /** Number of targets that the loss counted. */
  count: number
  /** Seconds that it took. */
  seconds: number
  /** The value of each metric; absent without metrics. */
  metrics?: Readonly<Record<string, number>>
}

/** The reason for the end of a fit: a limit, early stopping by `patience`, the end of the data, or an abort. */
export type StopReason = 'steps' | 'epochs' | 'time' | 'patience' | 'data' | 'abort'

/** The result of a fit. */
export interface Summary {
  /** Steps of the run, those before a resume included. */
  step: number
  /** Finished passes over the data. */
  epoch: number
  /** Exponential mean of the loss with decay 0.98; null before the first step. */
  smoothedLoss: number | null
  /** The last validation. */
  validation: Validation | null
  /** The best validation by the monitored figure. */
  best: Measured | null
  /** Seconds of training in this fit, without validations and checkpoints. */
  seconds: number
  /** Seconds from begin to end of the fit. */
  wallSeconds: number
  /** Symbols trained on in this fit. */
  tokens: number
  tokensPerSecond: number
  /**
   * Share, 0 to 1, of the training time of this fit in which no step was running, because the next batch was not ready or this
   * thread was busy with the preparation of batches or other work.
   */
  waiting: number
  stopped: StopReason
}

/** Options of `fit` and `reports`. */
export interface FitOptions {
  /**
   * Ends the fit: the step under way is completed, and the 'last' checkpoint is written. An aborted fit does not validate its last
   * step, so that it ends soon; a fit that resumes from the checkpoint validates that step if it is one of the regular ones.
   */
  signal?: AbortSignal
  /** Whether an aborted fit rejects with ERR_ABORTED ('throw', the default) or resolves with `stopped: 'abort'` ('return'). */
  onAbort?: 'throw' | 'return'
}

/** Checks the options of `fit`. */
export const checkFitOptions = optionsOf<FitOptions>({
  signal: optional(signalOf),
  onAbort: optional(choice('throw', 'return'))
})

/** The events of a trainer and their arguments. */
export interface TrainerEvents {
  report: [Report]
  validation: [Validation]
  /** The number of finished passes over the data. */
  epoch: [number]
  end: [Summary]
}
