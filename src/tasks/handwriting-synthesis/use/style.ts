// The style of a hand: the state of a writer's network after it has read strokes.

import { list, number, open, optional, record, string } from '../../../check/index.js'
import { options as optionsOf, signal as signalOf } from '../../../check/index.js'
import { prepareStrokes } from '../../../data/ink/features.js'
import { readInkSample, type Ink } from '../../../data/ink/strokes.js'
import { expected } from '../../../errors.js'
import type { Session } from '../../../generate/session-types.js'
import { inkOffsets } from '../data.js'
import { createPen, symbolsFor, type WriterNetwork } from './pen.js'

/** The state of a network after it has read strokes, as plain JSON. Writing continues from there in the style of the strokes. */
export interface WritingStyle {
  /** The text of the strokes; '' for a model that draws without a text. The window is after it. */
  readonly text: string
  /** Carried states by name. */
  readonly states: Readonly<Record<string, readonly number[]>>
  /** The last point [dx, dy, end of stroke] of the strokes, which the next step reads. */
  readonly last: readonly [number, number, number]
  /** Checksum of the model's file. Other models refuse the style. */
  readonly checksum: string
}

/** Checks a style, which may come from a file. Numbers that are not finite would spread to all states. */
export const checkStyle = open<WritingStyle>({
  text: string,
  states: record(list(number())),
  last: list(number(), 3, 3),
  checksum: string
})

const readStyleOptions = optionsOf<{ signal?: AbortSignal | undefined }>({ signal: optional(signalOf) })

/**
 * Returns the style of strokes. Throws ERR_INVALID_INK if they have no text and the model writes from texts, ERR_ABORTED if the signal
 * aborts.
 */
export async function readStyle(
  { model, config, info, vocabulary }: WriterNetwork,
  sample: Ink,
  options?: { signal?: AbortSignal | undefined }
): Promise<WritingStyle> {
  const ink = readInkSample(sample, 'ink')
  const { signal } = readStyleOptions(options, 'the options of style')
  if (vocabulary && !ink.text)
    throw expected('ERR_INVALID_INK', `the text of the strokes in ${ink.source}`, 'none', 'add it to the ink')
  // The end of the text must not come into the window, or the network would finish instead of writing on. The text to come is not available
  // yet, so the same text is repeated in its place.
  const symbols = symbolsFor(vocabulary ? ink.text! + ink.text! : undefined, vocabulary)
  const offsets = inkOffsets(prepareStrokes(ink, config.normalisation), config.deviation)
  const pen = createPen(model, symbols)
  await pen.feed({ points: offsets.subarray(0, offsets.length - 3) }, { signal })
  const states = Object.entries(pen.save().states).map(([name, values]) => [name, [...values]] as const)
  const last = [...offsets.subarray(offsets.length - 3)] as [number, number, number]
  return { text: vocabulary ? ink.text! : '', states: Object.fromEntries(states), last, checksum: info.checksum }
}

/** Sets the states and the last point of a pen to those of a style. Throws ERR_INVALID_ARGUMENT for a style of another model. */
export function restoreStyle(pen: Session, style: WritingStyle, { info }: Pick<WriterNetwork, 'info'>): void {
  const value = pen.save()
  const fits =
    style.checksum === info.checksum &&
    Object.entries(value.states).every(([name, values]) => style.states[name]?.length === values.length)
  if (!fits)
    throw expected('ERR_INVALID_ARGUMENT', 'a style of this model', 'one of another model', 'read the strokes again')
  const states = Object.entries(style.states).map(([name, values]) => [name, Float32Array.from(values)] as const)
  const inputs = { ...value.inputs, points: Float32Array.from(style.last) }
  pen.restore({ ...value, states: Object.fromEntries(states), inputs })
}
