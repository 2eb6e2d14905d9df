// A training of a reader as a run with its descriptions.

import { counted } from '../../../errors.js'
import { nats, percent, wholePercent } from '../../../format.js'
import type { Given } from '../../../settings/index.js'
import type { Hint } from '../../hint.js'
import { inkReading } from '../../ink/reading.js'
import { introduceInk } from '../../ink/task-training.js'
import type { RunPlace, TaskContext, TaskRun } from '../../task.js'
import { hasNotBegun, watchBeginning } from './beginning.js'
import type { RecognitionMeasure } from './evaluate.js'
import { prepareRecognitionRun, type RecognitionRun } from './run.js'
import type { readerTaskSettings } from '../settings.js'

/** Returns a training of a reader that is ready to start. */
export async function prepareReaderTask(
  place: RunPlace,
  { y, level, skipBad, ...given }: Given<typeof readerTaskSettings>,
  context: TaskContext
): Promise<TaskRun<RecognitionMeasure>> {
  const { read, onBad, tell } = inkReading(
    { ...(y && { y }), ...(level && { level }), skipBad: skipBad === true },
    context
  )
  const run = await prepareRecognitionRun({ ...given, ...place, read, ...(onBad && { onBad }) })
  tell(context.output, run.samples.train.length + run.samples.valid.length)
  const { layers, hidden, bidirectional } = run.config.network
  const look = watchBeginning(run)
  return {
    run,
    introduction: {
      ...introduceInk(run),
      network: `${layers} x ${hidden} LSTM, ${bidirectional ? 'both directions' : 'forwards'}`
    },
    async watch(report) {
      const measure = await look(report)
      return measure ? [beginningHint(run, measure)] : []
    },
    lastHints: (valid) => (hasNotBegun(valid) ? [beginningHint(run, valid)] : []),
    measured({ cer, exact, samples, nats: own, symbolsRead }) {
      const errors = `${percent(cer)} of the symbols wrong, ${percent(exact)} of ${counted(samples, 'sample')} without error`
      return {
        values: { cer, exact, nats: own },
        facts: { samples, symbols_read: symbolsRead },
        lines: [`${errors}, ${nats(own)} nats a sample`]
      }
    }
  }
}

/**
 * Returns a hint for a reader whose outputs are the blank nearly everywhere. bench/lab/unseen-hands.md, "Readers of one direction", has the
 * trainings from which its remedies come: variations and dropout delay the beginning most; short samples first and a rate of 0.01 delay it too.
 */
function beginningHint({ config }: RecognitionRun, { symbolsRead, samples }: RecognitionMeasure): Hint {
  const { network, augmentation, training } = config
  const found = `it has not begun to read: of ${counted(samples, 'sample')} its outputs give ${wholePercent(symbolsRead)} of the symbols, and the blank otherwise`
  const plain = network.dropout === 0 && Object.values(augmentation).every((strength) => strength === 0)
  const remedies = [
    ...(plain ? [] : ['--augment 0 --dropout 0']),
    'more epochs',
    ...(training!.shortFirst ? ['no --short-first'] : []),
    ...(training!.learningRate > 3e-3 ? ['--lr 0.003'] : [])
  ]
  return { hint: 'not-begun', message: `${found}: train with ${remedies.join(', ')}` }
}
