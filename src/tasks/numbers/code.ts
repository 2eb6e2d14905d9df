// The parts of a training and an evaluation of the task, imported on use.

import { grouped } from '../../format.js'
import type { TaskCode, TaskData } from '../define-task.js'
import { MEASURED, MEASURED_BATCH, measureNumbers } from './evaluate.js'
import { numbersDefinition } from './model.js'
import { measuredBatches, measuredSequences, trainingBatches } from './samples.js'
import type { NumbersEvaluation, numbersNetworkSettings } from './settings.js'

/** Number of sequences of a validation during the training. */
const VALIDATED = 1000

/** The code of the task. */
export const numbersCode: TaskCode<typeof numbersNetworkSettings> = {
  definition: numbersDefinition,
  open: (_, { training: { batch, seed } }): TaskData => ({
    train: trainingBatches({ batch, seed }),
    valid: measuredBatches(measuredSequences({ part: 'valid', count: VALIDATED }), MEASURED_BATCH),
    count: 2 * MEASURED
  }),
  async measure(model, _, { signal }) {
    const measured = await measureNumbers(model, 'valid', { signal })
    return { ...measured, lines: measured.lines!.slice(0, 1) }
  },
  async evaluate({ model }, { options }, { progress, signal }) {
    const { part } = options as NumbersEvaluation
    const onProgress = (done: number) => progress.show(`continuing ${grouped(2 * MEASURED)} sequences`, done)
    return await measureNumbers(model, part, { signal, onProgress })
  },
  introduce: ({ network: { hidden }, training: { batch } }) => ({
    data: 'sequences of integers, made as they are needed; 1 of 16 members of a family validates, 1 tests',
    network: `encoder and decoder of ${hidden} units`,
    step: `${batch} sequences`
  })
}
