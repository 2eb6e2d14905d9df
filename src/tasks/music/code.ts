// The code of the task, imported on use: the network, the data and the measure of a training, and the evaluation.

import { counted, expected } from '../../errors.js'
import type { TaskCode, TaskData } from '../define-task.js'
import { pieceBatches, partBatches, type StepPiece } from './batches.js'
import { piecesOfPart, readMusic, readPerformances, type MusicReading } from './data.js'
import { evaluateMusicFile } from './evaluate-file.js'
import { countsOf, measureMusic } from './evaluate.js'
import { forms } from './forms.js'
import { countEvents, performanceBatches, stepsOfPerformance } from './performances.js'
import type { MusicEvaluation, MusicNetwork, musicNetworkSettings } from './settings.js'

/** Data of a training, with the pieces that validate. */
interface MusicData extends TaskData, Pick<MusicReading, 'leftOut'> {
  readonly pieces: readonly StepPiece[]
  readonly trained: { readonly pieces: number; readonly steps: number }
}

/** Opens the source of a training, and the pieces that validate. */
async function openPieces(
  files: readonly string[],
  network: MusicNetwork,
  training: { readonly batch: number; readonly seed: number }
): Promise<Pick<MusicData, 'train' | 'pieces' | 'trained' | 'leftOut'>> {
  const { form } = network
  if (network.lookback && form === 'events')
    throw expected('ERR_INVALID_OPTION', 'the form notes, voices or keys with lookback', form, 'leave lookback out')
  if (form === 'events') {
    if (network.members > 1)
      throw expected('ERR_INVALID_OPTION', 'one network for the form events', `${network.members}`, 'train one member')
    const { parts, leftOut } = await readPerformances(files)
    const train = piecesOfPart(parts, 'train', files)
    const pieces = piecesOfPart(parts, 'valid', files).map(stepsOfPerformance)
    const trained = { pieces: train.length, steps: countEvents(train) }
    return { train: performanceBatches(train, { ...training, network }), pieces, trained, leftOut }
  }
  const { parts, leftOut } = await readMusic(files, network)
  const [train, pieces] = [piecesOfPart(parts, 'train', files), piecesOfPart(parts, 'valid', files)]
  return { train: partBatches(train, { ...training, network }), pieces, trained: countsOf(train), leftOut }
}

/** The code of the task. */
export const musicCode: TaskCode<typeof musicNetworkSettings> = {
  definition: (network) => forms[network.form].definition(network),
  async open(files, { network, training: { batch, seed } }): Promise<MusicData> {
    const opened = await openPieces(files, network, { batch, seed })
    const { pieces } = opened
    return { ...opened, valid: pieceBatches(pieces, network, batch), count: countsOf(pieces, network.form).steps }
  },
  async measure(model, data, { signal }) {
    const { pieces } = data as MusicData
    const { network } = model.definition.config as unknown as { network: MusicNetwork }
    return await measureMusic(model, pieces, network, { signal })
  },
  evaluate: async ({ model, config: { network } }, { words, options }, { signal }) =>
    await evaluateMusicFile(model, network, { words, options: options as MusicEvaluation }, signal),
  introduce({ network, training: { batch } }, data) {
    const { pieces, trained, leftOut } = data as MusicData
    const { short, percussion } = leftOut
    const left =
      short + percussion > 0
        ? `; left out: ${counted(short, 'note')} too short for the grid, ${counted(percussion, 'note')} of percussion`
        : ''
    const { form, hidden, layers, members } = network
    const unit = form === 'events' ? 'event' : 'step'
    return {
      data: `${counted(trained.steps, unit)} of ${counted(trained.pieces, 'piece')} train, ${counted(pieces.length, 'piece')} validate${left}`,
      network: `${counted(members, 'network')} of ${layers} x ${hidden} units, form ${form}`,
      step: form === 'events' ? `${counted(batch, 'stream')} of ${network.window} events` : counted(batch, 'part')
    }
  }
}
