// gatecell train handwriting-recognition: ink in, a training of tasks/handwriting/recognition, its progress out.

import { counted } from '../../../errors.js'
import { hasNotBegun, watchBeginning } from '../../../tasks/handwriting-recognition/beginning.js'
import {
  prepareRecognitionRun,
  type RecognitionMeasure,
  type RecognitionRun
} from '../../../tasks/handwriting-recognition/index.js'
import { recognitionRunSettings } from '../../../tasks/handwriting-recognition/settings.js'
import { nats, percent, shellWord, wholePercent } from '../../ui/format.js'
import type { Hint } from '../../ui/hint.js'
import { addInkOptions, INK_FORMATS } from '../../options/ink.js'
import type { TrainingCommand } from './command.js'
import { inkRunOptions, introduceInk, type InkTrainFlags } from './ink.js'

const EXAMPLES = `${INK_FORMATS}

Examples:
  gatecell train handwriting-recognition words.ndjson.gz --out reader.safetensors
  gatecell train handwriting-recognition digits.ndjson --valid-where writer=26-30 --out digits.safetensors --hidden 64
  gatecell train handwriting-recognition train.unipen --valid-file valid.unipen --forward --out live.safetensors

Two files are written: the model to use (the weights that validated best), and where the training stands, from which the
same command with --resume goes on, bit for bit, also after a kill.`

export const trainRecognition: TrainingCommand<
  typeof recognitionRunSettings,
  InkTrainFlags,
  RecognitionRun,
  RecognitionMeasure
> = {
  name: 'handwriting-recognition',
  summary: 'learn to read handwriting from the movements of the pen',
  description: 'Trains LSTM layers with connectionist temporal classification to read ink.',
  data: ['<ink...>', 'files, folders, patterns, or - for standard input'],
  examples: EXAMPLES,
  settings: recognitionRunSettings,
  addOptions: addInkOptions,
  unit: 'points',
  lossUnit: 'nats per sample',
  async prepare(place, given, flags, context) {
    const { options, tell } = inkRunOptions(flags, context)
    const run = await prepareRecognitionRun({ ...given, ...place, ...options })
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
