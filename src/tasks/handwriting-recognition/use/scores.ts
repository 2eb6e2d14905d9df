// The outputs of a reader's network for one sample of ink.

import { paddedLength } from '../../../data/batching/buckets.js'
import { INK_FEATURES, inkFeatures, prepareStrokes } from '../../../data/ink/features.js'
import { readInkSample, type Ink } from '../../../data/ink/strokes.js'
import type { LoadedModel } from '../../runs/load.js'
import type { RecognitionConfig } from '../config.js'

/** The outputs of a reader for one sample of ink. */
export interface ReaderScores {
  /** Copy [T, 1, V] of the logits, where T is at least `steps` and V the size of the reader's vocabulary. */
  logits: Float32Array
  /** The shape of the logits: [T, 1, V]. */
  shape: [number, number, number]
  /** Number of points of the resampled ink. Later rows of the logits are padding. */
  steps: number
  /** The features [steps, F] that the network read. */
  features: Float32Array
}

type Network = Pick<LoadedModel<RecognitionConfig>, 'model' | 'config'>

/** Leases a plan with the features of `sample` as its inputs. `finish` returns the outputs after a run. */
function prepare({ model, config }: Network, sample: Ink) {
  const ink = readInkSample(sample, 'ink')
  const features = inkFeatures(prepareStrokes(ink, config.normalisation), config.normalisation)
  const steps = features.length / INK_FEATURES
  const length = paddedLength(steps)
  const lease = model.lease({ length, batch: 1 }, { purpose: 'predict' })
  const { plan } = lease
  const points = plan.inputs['points'] as Float32Array
  points.fill(0)
  points.set(features) // of one row: the other points are padding
  ;(plan.inputs['lengths'] as Int32Array)[0] = steps
  const finish = (): ReaderScores => {
    const shape = plan.shapes.outputs['logits'] as [number, number, number]
    return { logits: (plan.outputs['logits'] as Float32Array).slice(), shape, steps, features }
  }
  return { lease, finish }
}

/** Returns the scores of `ink`, in one run on the caller's thread. Throws ERR_INVALID_INK for ink that is not usable. */
export function scoresOf(network: Network, ink: Ink): ReaderScores {
  const { lease, finish } = prepare(network, ink)
  using _ = lease
  lease.plan.runSync()
  return finish()
}

/** Returns the scores of `ink`, in one run on the engine's thread. Throws ERR_INVALID_INK, and ERR_ABORTED if `signal` aborts. */
export async function scoresOfAsync(
  network: Network,
  ink: Ink,
  signal: AbortSignal | undefined
): Promise<ReaderScores> {
  const { lease, finish } = prepare(network, ink)
  using _ = lease
  await lease.plan.run('forward', signal ? { signal } : {})
  return finish()
}
