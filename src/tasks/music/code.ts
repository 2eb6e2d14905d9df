// The parts of a training and an evaluation of the application, imported on use.

import { counted } from '../../errors.js'
import type { TaskCode, TaskData } from '../define-task.js'
import { pieceBatches, partBatches, type StepPiece } from './batches.js'
import { piecesOfPart, readMusic, type MusicReading } from './data.js'
import { countsOf, measureMusic } from './evaluate.js'
import { forms } from './forms.js'
import type { MusicEvaluation, MusicNetwork, musicNetworkSettings } from './settings.js'

/** Data of a training, with the pieces that validate. */
interface MusicData extends TaskData, Pick<MusicReading, 'leftOut'> {
  readonly pieces: { readonly train: readonly StepPiece[]; readonly valid: readonly StepPiece[] }
}

/** The code of the task. */
export const musicCode: TaskCode<typeof musicNetworkSettings> = {
  definition: (network) => forms[network.form].definition(network),
  async open(files, { network, training: { batch, seed } }): Promise<MusicData> {
    const { parts, leftOut } = await readMusic(files, network)
    const [train, valid] = [piecesOfPart(parts, 'train', files), piecesOfPart(parts, 'valid', files)]
    return {
      train: partBatches(train, { batch, seed, network }),
      valid: pieceBatches(valid, network.form, batch),
      count: countsOf(valid).steps,
      pieces: { train, valid },
      leftOut
    }
  },
  async measure(model, data, { signal }) {
    const { pieces } = data as MusicData
    const { network } = model.definition.config as unknown as { network: MusicNetwork }
    return await measureMusic(model, pieces.valid, network, { signal })
  },
  async evaluate({ model, config: { network } }, { words, options }, { signal }) {
    const { part } = options as MusicEvaluation
    const { parts } = await readMusic(words, network, signal)
    const pieces = piecesOfPart(parts, part, words)
    return await measureMusic(model, pieces, network, { signal })
  },
  introduce({ network, training: { batch } }, data) {
    const { pieces, leftOut } = data as MusicData
    const { train, valid } = pieces
    const { short, percussion } = leftOut
    const left =
      short + percussion > 0
        ? `; left out: ${counted(short, 'note')} too short for the grid, ${counted(percussion, 'note')} of percussion`
        : ''
    const { hidden, layers, members } = network
    const { steps } = countsOf(train)
    return {
      data: `${counted(steps, 'step')} of ${counted(train.length, 'piece')} train, ${counted(valid.length, 'piece')} validate${left}`,
      network: `${counted(members, 'network')} of ${layers} x ${hidden} units, form ${network.form}`,
      step: counted(batch, 'part')
    }
  }
}
