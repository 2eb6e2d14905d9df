// Settings of every training on ink. The defaults that differ between tasks are parameters.

import { setting, type Group, type Values } from '../../settings/index.js'
import { processSettings, trainingSettings, type TrainingDescription } from '../runs/settings.js'

/** The part of the settings that differs between tasks on ink. */
export interface InkDescription {
  readonly training: Pick<TrainingDescription, 'clip' | 'learningRate' | 'seeded'>
  readonly normalisation: NormalisationDescription
  /** Strength of the variations by default. */
  readonly augmentation: number
}

/** Defaults of the normalisation; `level`, `deslant` and `smooth` have options on the command line where they are on by default. */
export interface NormalisationDescription {
  readonly deslant: boolean
  readonly level: boolean
  readonly smooth: number
  readonly resample: 'length' | 'time' | 'none'
  readonly step: number
}

/** Returns the settings of a training on ink, without those of the network. */
export function inkSettings({ training, normalisation, augmentation }: InkDescription) {
  return {
    normalisation: normalisationSettings(normalisation),
    augmentation: setting.number({
      min: 0,
      max: 10,
      default: augmentation,
      flag: '--augment',
      argument: '<strength>',
      help: 'strength of the variations of the ink in training; 0: none'
    }),
    lineAugmentation: setting.number({
      min: 0,
      max: 10,
      default: 0,
      flag: '--augment-line',
      argument: '<strength>',
      help: 'strength of the variations of width, slant and height along the line, of the joints and the order of strokes'
    }),
    split: inkSplitSettings,
    training: {
      ...trainingSettings({ ...training, batch: 16, epochs: 20, data: 'samples' }),
      shortFirst: setting.integer({
        min: 0,
        absent: true,
        defaultText: '0',
        argument: '<epochs>',
        help: 'epochs at the beginning in which batches of short samples come first'
      })
    },
    ...processSettings
  } satisfies Group
}

/** Samples that validate. */
export const inkSplitSettings = {
  valid: setting.number({
    min: 0,
    below: 1,
    argument: '<share>',
    default: 0.1,
    defaultText: '0.1; 0 with other files or a filter that validate',
    help: 'share of the samples that validates, drawn by chance'
  }),
  where: setting.orNull(
    setting.text({
      flag: '--valid-where',
      argument: '<field=values>',
      help: 'samples that validate: writer=26-30, or comment:2=26-30 for the second word of a field'
    })
  )
} satisfies Group

function normalisationSettings({ deslant, level, smooth, resample, step }: NormalisationDescription) {
  return {
    scale: setting.choice(['sample', 'fixed'], {
      default: 'sample',
      flag: null,
      help: 'sample: each sample by its own size; fixed: all by the size of the training data'
    }),
    deslant: setting.flag({
      default: deslant,
      ...noFlag(!deslant),
      help: 'take the slant of the writing out',
      flagHelp: 'leave the slant of the writing as it is'
    }),
    level: setting.flag({
      default: level,
      flag: level ? '--no-deskew' : null,
      help: 'rotate the line of writing to the horizontal',
      flagHelp: 'leave the skew of the line of writing as it is'
    }),
    smooth: setting.number({
      min: 0,
      max: 100,
      default: smooth,
      ...noFlag(smooth === 0),
      unit: 'steps',
      help: 'average noisy ink over so many steps of the resampling; 0: never'
    }),
    resample: setting.choice(['length', 'time', 'none'], {
      default: resample,
      argument: '<how>',
      help: 'points at equal length of the path, at equal time, or as they are'
    }),
    // With steps within these bounds no quotient of a coordinate and a step is infinite.
    step: setting.number({
      min: 1e-200,
      max: 1e200,
      default: step,
      help: 'distance of two points: heights of a line, or times'
    })
  } satisfies Group
}

function noFlag(none: boolean): { flag?: null } {
  return none ? { flag: null } : {}
}

/** Settings of a training on ink. */
export type InkSettings = ReturnType<typeof inkSettings>
/** Training settings of a task on ink. */
export type InkTraining = Values<InkSettings['training']>

/** Settings of everything that reads ink. */
export const inkReadSettings = {
  y: setting.choice(['up', 'down'], {
    absent: true,
    defaultText: 'by format',
    argument: '<direction>',
    help: 'direction of y in the files'
  }),
  level: setting.text({
    argument: '<name>',
    absent: true,
    defaultText: 'the first of .HIERARCHY',
    help: 'in UNIPEN: segments that are the samples, as WORD'
  }),
  skipBad: setting.flag({
    default: false,
    help: 'leave out samples that cannot be used, and name them; otherwise the first one ends the command'
  })
} satisfies Group

/** The formats of ink, for help texts. */
export const INK_FORMATS = `
Ink is stroke JSON, {"strokes": [[[x, y] or [x, y, t] or {"x", "y", "t"}, ...], ...], "text": "..."}, one object a line, a list of
them or one in a file; QuickDraw; stroke-3 and stroke-5 offsets [[dx, dy, pen up], ...]; UNIPEN; InkML; or XML of IAM-OnDB, with
its text in a .txt file next to it. Gzip is unpacked. y points up in stroke JSON and UNIPEN, else down.`

/** Settings that choose the ink of an evaluation. */
export const chooseInkSettings = {
  part: setting.choice(['all', 'train', 'valid'], { default: 'all', help: 'part of the data' }),
  valid: setting.number({
    min: 0,
    below: 1,
    argument: '<share>',
    absent: true,
    defaultText: 'as in the training',
    help: 'share that validates'
  }),
  where: setting.text({
    absent: true,
    argument: '<field=values>',
    help: 'only these samples of the ink, as writer=26-30'
  })
} satisfies Group
