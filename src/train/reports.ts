// What a trainer tells: reports on the way, a summary at the end.

export interface Report {
  step: number
  epoch: number
  /** Mean over the steps since the last report. */
  loss: number
  /** Exponential mean with decay 0.98. */
  smoothedLoss: number
  /** Global norm of the last step's gradients before clipping. */
  gradNorm: number
  learningRate: number
  /** Symbols trained on since the run began, before a resume too. */
  tokens: number
  /** Since the last report. */
  tokensPerSecond: number
  /**
   * Share, 0 to 1, of the training time since the last report in which no step was running, because the next batch was not ready or this
   * thread was busy with the preparation of batches or other work.
   */
  waiting: number
  /** Seconds of training in this process. */
  seconds: number
  /** Estimated seconds of training to go; null where the end is unknown. */
  remaining: number | null
  /** Share of the run that is done; null where the end is unknown. */
  fraction: number | null
  /** The validation made at this step, if there was one. */
  validation: Validation | null
}

/** The figure that early stopping and the choice of the best weights go by. */
export interface Monitor {
  /** 'loss', or the name of a metric. */
  name: string
  better: 'higher' | 'lower'
}

/** Returns the name of the monitored figure, with - before it if higher is better. */
export function monitorKey({ name, better }: Monitor): string {
  return better === 'higher' ? `-${name}` : name
}

/** A validation as progress and summary keep it. */
export interface Measured {
  loss: number
  step: number
  /** The value of each metric; absent without metrics. */
  metrics?: Readonly<Record<string, number>>
}

export interface Validation {
  step: number
  loss: number
  /** The best so far. */
  best: boolean
  /** Targets counted. */
  count: number
  seconds: number
  /** The value of each metric; absent without metrics. */
  metrics?: Readonly<Record<string, number>>
}

export type StopReason = 'steps' | 'epochs' | 'time' | 'patience' | 'data' | 'abort'

export interface Summary {
  step: number
  epoch: number
  smoothedLoss: number | null
  /** The last validation. */
  validation: Validation | null
  /** The best validation by the monitored figure. */
  best: Measured | null
  /** Seconds of training in this process, and all that passed. */
  seconds: number
  wallSeconds: number
  tokens: number
  tokensPerSecond: number
  /**
   * Share, 0 to 1, of the training time of this fit in which no step was running, because the next batch was not ready or this
   * thread was busy with the preparation of batches or other work.
   */
  waiting: number
  stopped: StopReason
}

export interface FitOptions {
  /**
   * Ends the fit: the step under way is completed, and the 'last' checkpoint is written. An aborted fit does not validate its last
   * step, so that it ends soon; a fit that resumes from the checkpoint validates that step if it is one of the regular ones.
   */
  signal?: AbortSignal
  /** After an abort: reject with ERR_ABORTED (default) or resolve with `stopped: 'abort'`. */
  onAbort?: 'throw' | 'return'
}

export interface TrainerEvents {
  report: [Report]
  validation: [Validation]
  /** The number of finished passes over the data. */
  epoch: [number]
  end: [Summary]
}
