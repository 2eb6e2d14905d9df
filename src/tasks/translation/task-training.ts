// A training of a translator as a run with its descriptions, for `gatecell train`.

import { counted } from '../../errors.js'
import { grouped } from '../../format.js'
import { leavingOut } from '../left-out.js'
import type { RunPlace, TaskContext, TaskRun } from '../task.js'
import { pairReading } from './data.js'
import { describeMeasure } from './evaluate.js'
import type { TranslationMeasure } from './measure.js'
import { prepareTranslationRun, type TranslationRun } from './run.js'
import type { TranslationGiven } from './settings.js'

/** Returns a training of a translator that is ready to start. Throws the errors of `pairReading` and `prepareTranslationRun`. */
export async function prepareTranslationTask(
  place: RunPlace,
  { columns, languages, skipBad, ...given }: TranslationGiven,
  { output, signal, stdin }: TaskContext
): Promise<TaskRun<TranslationMeasure>> {
  const left = leavingOut(skipBad === true)
  const names = { ...(columns !== undefined && { columns }), ...(languages !== undefined && { languages }) }
  const read = { ...pairReading(names), signal, stdin: stdin(), ...(left.onBad && { onBad: left.onBad }) }
  const run = await prepareTranslationRun({ ...given, ...place, read })
  left.tell(output, run.samples.train.length + run.samples.valid.length)
  return { run, introduction: introduce(run), measured: describeMeasure }
}

function introduce({ config, samples, symbols }: TranslationRun): TaskRun['introduction'] {
  const { train, valid } = samples
  const { attention, hidden, encoderLayers, layers } = config.network
  const { source, target } = symbols
  const sizes =
    source === target
      ? `${grouped(target.size)} symbols of both languages`
      : `${grouped(source.size)} and ${grouped(target.size)} symbols`
  const encoder =
    attention === 'none' ? `${layers} layers without attention` : `${counted(encoderLayers, 'layer')} in both directions, ${attention} attention` // prettier-ignore
  return {
    data: `${counted(train.length, 'pair')} to train on, ${grouped(valid.length)} to validate; ${sizes}`,
    network: `encoder of ${encoder}; decoder of ${counted(layers, 'layer')}; ${hidden} units`,
    step: `at most ${counted(config.training.batch, 'symbol')}`
  }
}
