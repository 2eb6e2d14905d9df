// A training of a captioner as a run with its descriptions, for `gatecell train`.

import { counted } from '../../errors.js'
import { grouped } from '../../format.js'
import { leavingOut } from '../left-out.js'
import type { RunPlace, TaskContext, TaskRun } from '../task.js'
import { describeCaptions } from './evaluate.js'
import { captionReadingOf } from './data.js'
import type { CaptionMeasure } from './measure.js'
import { placesOf } from './model.js'
import { prepareCaptionsRun, type CaptionsRun } from './run.js'
import type { CaptionsGiven } from './settings.js'

/** Returns a training of a captioner that is ready to start. Throws the errors of `prepareCaptionsRun`. */
export async function prepareCaptionsTask(
  place: RunPlace,
  { images, features, featureNames, onnx, onnxOutput, onnxScale, perImage, skipBad, ...given }: CaptionsGiven,
  { output, progress, signal }: TaskContext
): Promise<TaskRun<CaptionMeasure>> {
  const left = leavingOut(skipBad === true)
  const read = {
    ...captionReadingOf({ images, features, featureNames, onnx, onnxOutput, onnxScale, perImage }),
    signal,
    ...(left.onBad && { onBad: left.onBad }),
    onProgress: (done: number) => progress.show('reading images', done)
  }
  const run = await prepareCaptionsRun({ ...given, ...place, read })
  progress.clear()
  left.tell(output, run.samples.train.length + run.samples.valid.length)
  return { run, introduction: introduce(run), measured: describeCaptions }
}

function introduce({ config, images, samples, words }: CaptionsRun): TaskRun['introduction'] {
  const { encoder, channels, hidden, layers, attention } = config.network
  const { width, height } = config.image
  const { rows, columns, width: numbers } = placesOf(config)
  const kind = encoder === 'conv' ? `convolutions of ${channels} channels` : 'sweeps over patches'
  const seen = config.features
    ? `${config.vision ? 'features of a vision model' : 'ready features'} of ${numbers} numbers`
    : `${kind} over ${width} x ${height} pixels`
  return {
    data: `${counted(samples.train.length, 'caption')} of ${counted(images.train.length, 'image')} to train on, ${grouped(samples.valid.length)} of ${grouped(images.valid.length)} to validate; ${grouped(words.vocabulary.size)} words`,
    network: `${seen}, ${columns} x ${rows} places, ${attention} attention; decoder of ${counted(layers, 'layer')} of ${hidden} units`,
    step: counted(config.training.batch, 'caption')
  }
}
