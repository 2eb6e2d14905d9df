// A training of a writer as a run with its descriptions.

import { counted } from '../../../errors.js'
import { nats } from '../../../format.js'
import type { Given } from '../../../settings/index.js'
import { inkReading } from '../../ink/reading.js'
import { introduceInk } from '../../ink/task-training.js'
import type { RunPlace, TaskContext, TaskRun } from '../../task.js'
import type { SynthesisMeasure } from './evaluate.js'
import { prepareSynthesisRun } from './run.js'
import type { writerTaskSettings } from '../settings.js'

/** Returns a training of a writer that is ready to start. */
export async function prepareWriterTask(
  place: RunPlace,
  { y, level, skipBad, ...given }: Given<typeof writerTaskSettings>,
  context: TaskContext
): Promise<TaskRun<SynthesisMeasure>> {
  const { read, onBad, tell } = inkReading(
    { ...(y && { y }), ...(level && { level }), skipBad: skipBad === true },
    context
  )
  const run = await prepareSynthesisRun({ ...given, ...place, read, ...(onBad && { onBad }) })
  tell(context.output, run.samples.train.length + run.samples.valid.length)
  const { layers, hidden, gaussians } = run.config.network
  return {
    run,
    introduction: { ...introduceInk(run), network: `${layers} x ${hidden} LSTM, ${gaussians} Gaussians` },
    measured({ nats: own, points, samples, gaussian, mixture }) {
      const baselines = `a single Gaussian: ${nats(gaussian)}, a mixture without memory: ${nats(mixture)}`
      return {
        values: { nats: own },
        facts: { samples, gaussian_nats: gaussian, mixture_nats: mixture },
        lines: [`${nats(own)} nats a point over ${counted(points, 'point')}; ${baselines}`]
      }
    }
  }
}
