// gatecell train handwriting-recognition: ink in, a training of tasks/handwriting/recognition, its progress out.

import { counted } from '../../../errors.js'
import { hasNotBegun, watchBeginning } from '../../../tasks/handwriting-recognition/beginning.js'
import {
  prepareRecognitionRun,
  type RecognitionMeasure,
  type RecognitionRun
} from '../../../tasks/handwriting-recognition/index.js'
import { trainingDefaults } from '../../../tasks/handwriting-recognition/defaults.js'
import { given } from '../../../tasks/runs/settings.js'
import { nats, percent, shellWord, wholePercent } from '../../ui/format.js'
import type { Hint } from '../../ui/hint.js'
import { INK_FORMATS } from '../../options/ink.js'
import { number, whole } from '../../options/parse.js'
import type { TrainingCommand } from './command.js'
import { addInkTrainOptions, inkRunOptions, introduceInk, type InkTrainFlags } from './ink.js'

interface Flags extends InkTrainFlags {
  hidden?: number
  layers?: number
  dropout?: number
  forward?: true
  deslant?: boolean
  deskew?: boolean
  smooth?: number
  shortFirst?: number
  augmentLine?: number
}

const EXAMPLES = `${INK_FORMATS}

Examples:
  gatecell train handwriting-recognition words.ndjson.gz --out reader.safetensors
  gatecell train handwriting-recognition digits.ndjson --valid-where writer=26-30 --out digits.safetensors --hidden 64
  gatecell train handwriting-recognition train.unipen --valid-file valid.unipen --forward --out live.safetensors

Two files are written: the model to use (the weights that validated best), and where the training stands, from which the
same command with --resume goes on, bit for bit, also after a kill.`

export const trainRecognition: TrainingCommand<Flags, RecognitionRun, RecognitionMeasure> = {
  name: 'handwriting-recognition',
  summary: 'learn to read handwriting from the movements of the pen',
  description: 'Trains LSTM layers with connectionist temporal classification to read ink.',
  data: ['<ink...>', 'files, folders, patterns, or - for standard input'],
  examples: EXAMPLES,
  addOptions(command) {
    command
      .option('--hidden <n>', 'units of each LSTM layer and direction (default: 96)', whole('--hidden', 1, 2 ** 20))
      .option('--layers <n>', 'LSTM layers (default: 2)', whole('--layers', 1, 1000))
      .option(
        '--dropout <p>',
        'share dropped between the layers and after the last (default: 0.2)',
        number('--dropout', 0, 0.99)
      )
      .option('--forward', 'one direction only: it can read while the pen moves')
      .option('--no-deslant', 'leave the slant of the writing as it is')
      .option('--no-deskew', 'leave the skew of the line of writing as it is')
      .option(
        '--smooth <n>',
        'average noisy ink over so many steps of the resampling, 0: never (default: 1.5; with --forward 0)',
        number('--smooth', 0, 100)
      )
      .option(
        '--augment-line <strength>',
        'variations of width, slant and height along the line, of the joints and the order of strokes (default: 0)',
        number('--augment-line', 0, 10)
      )
      .option(
        '--short-first <epochs>',
        'epochs at the beginning in which short samples come first (default: 0)',
        whole('--short-first', 0)
      )
    return addInkTrainOptions(command, {
      resample: 'length',
      step: '0.0625 heights',
      augment: '1; 0: none',
      learningRate: '0.003',
      clip: trainingDefaults.clip,
      seed: 'weights, order, variations and dropout'
    })
  },
  unit: 'points',
  lossUnit: 'nats per sample',
  async prepare(ink, flags, context) {
    const { hidden, layers, dropout, forward, deslant, deskew, smooth, shortFirst } = flags
    const { augmentLine: lineAugmentation } = flags
    const { options, tell } = inkRunOptions(ink, flags, context)
    const run = await prepareRecognitionRun({
      ...options,
      ...given({ lineAugmentation }),
      network: given({ hidden, layers, dropout, ...(forward && { bidirectional: false }) }),
      training: { ...options.training, ...given({ shortFirst }) },
      // commander gives true where a --no option is absent.
      normalisation: {
        ...options.normalisation,
        ...(deslant === false && { deslant }),
        ...(deskew === false && { level: false }),
        ...given({ smooth })
      }
    })
    tell(run)
    return run
  },
  introduce(run) {
    const { layers, hidden, bidirectional } = run.config.network
    const directions = bidirectional ? 'both directions' : 'forwards'
    return { ...introduceInk(run), network: `${layers} x ${hidden} LSTM, ${directions}` }
  },
  watch(run) {
    const watch = watchBeginning(run)
    return async (report) => {
      const measure = await watch(report)
      return measure ? [beginningHint(run, measure)] : []
    }
  },
  lastHints: (run, valid) => (hasNotBegun(valid) ? [beginningHint(run, valid)] : []),
  measuring: (samples) => `reading ${counted(samples, 'sample')}`,
  fields: {
    valid_nats: (valid) => valid.nats,
    valid_samples: ({ samples }) => samples,
    valid_cer: ({ cer }) => cer,
    valid_exact: ({ exact }) => exact,
    valid_symbols_read: ({ symbolsRead }) => symbolsRead
  },
  judge({ cer, exact, samples, nats: own }, weights) {
    const errors = `${percent(cer)} of the symbols wrong, ${percent(exact)} of ${counted(samples, 'sample')} without error`
    return `${errors}, ${nats(own)} nats a sample${weights}`
  },
  next: ({ files }) => `gatecell read ${shellWord(files.model)} INK`
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
