// The trace of a text model's file, as lines and as a record.

import { readWholeText } from '../../data/files/whole-text.js'
import { counted } from '../../errors.js'
import { percent } from '../../format.js'
import type { JsonObject } from '../../io/json.js'
import type { Values } from '../../settings/index.js'
import type { ModelInput, TaskContext } from '../task.js'
import { loadTextModel } from './load.js'
import { TEXT_TASK } from './model.js'
import { traceText } from './trace.js'
import type { textTraceSettings } from './use-settings.js'

/** Prints the memory of a text model on the text of a file. */
export async function traceTextFile(
  { model: file, words: [data], options }: ModelInput<Values<typeof textTraceSettings>>,
  { output, signal }: TaskContext
): Promise<void> {
  using loaded = await loadTextModel(file)
  const text = await readWholeText(data!, { signal, maxBytes: 2 ** 26 })
  const traced = traceText(loaded, text, { device: options.device ?? 'auto' })
  output.record({ event: 'trace', task: TEXT_TASK, ...(finite(traced) as JsonObject) })
  output.line(`over ${counted(traced.symbols, 'symbol')}, each window from a zero state`)
  for (const { name, meanForget, halfLife, keptAfter10, keptAfter100 } of traced.layers) {
    output.line(
      `${name}  forget gate ${meanForget.toFixed(3)} on average; half is left after ${steps(halfLife.median)} (median unit), ${steps(halfLife.p90)} (one in ten lasts longer), ${steps(halfLife.longest)} (the longest); ${percent(keptAfter10)} is left after 10 steps, ${percent(keptAfter100)} after 100`
    )
  }
  output.line(`gradient reaches ${traced.reachSteps} steps back (all but a hundredth of it)`)
}

function steps(count: number): string {
  return `${count < 100 ? count.toFixed(1) : count.toPrecision(3)} steps`
}

/** Replaces infinite values by null, because JSON has no infinity: a gate of exactly 1 has an infinite half-life. */
function finite(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, part: unknown) => (part === Infinity ? null : part)))
}
