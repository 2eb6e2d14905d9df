// The trace of a text model on a text, as a record and as lines.

import { counted } from '../../../errors.js'
import { percent } from '../../../format.js'
import type { Values } from '../../../settings/index.js'
import { readContent } from '../../contents.js'
import type { RecordOf, VerbCode } from '../../verb.js'
import { loadTextModel, type LoadedText } from './load.js'
import { TEXT_TASK } from '../model.js'
import { traceText, type LayerMemory } from './trace.js'
import type { textTraceRecords } from './use-records.js'
import type { textTraceSettings } from './use-settings.js'

type TraceRecord = RecordOf<typeof textTraceRecords>

/** The code of `trace` for text models. */
export const textTraceCode: VerbCode<LoadedText, Values<typeof textTraceSettings>, TraceRecord> = {
  load: (file) => loadTextModel(file),
  async *run(loaded, { data }, { signal }) {
    const text = await readContent(data, { signal, maxBytes: 2 ** 26 })
    const { layers, reach, reachSteps, symbols } = await traceText(loaded, text, { signal })
    yield { event: 'trace', task: TEXT_TASK, layers: layers.map(layerRecord), reach, reachSteps, symbols }
  },
  show({ layers, reachSteps, symbols }) {
    const about = layers.map(({ name, meanForget, halfLife, keptAfter10, keptAfter100 }) => {
      const { median, p90, longest } = halfLife
      return `${name}  forget gate ${meanForget.toFixed(3)} on average; half is left after ${steps(median)} (median unit), ${steps(p90)} (one in ten lasts longer), ${steps(longest)} (the longest); ${percent(keptAfter10)} is left after 10 steps, ${percent(keptAfter100)} after 100`
    })
    return {
      lines: [
        `over ${counted(symbols, 'symbol')}, each window from a zero state`,
        ...about,
        `gradient reaches ${reachSteps} steps back (all but a hundredth of it)`
      ]
    }
  }
}

/** Returns a layer with null in place of infinite half-lives, because JSON has no infinity: a gate of exactly 1 has one. */
function layerRecord(layer: LayerMemory) {
  const finite = (value: number) => (value === Infinity ? null : value)
  const { median, p90, longest } = layer.halfLife
  return { ...layer, halfLife: { median: finite(median), p90: finite(p90), longest: finite(longest) } }
}

function steps(found: number | null): string {
  const count = found ?? Infinity
  return `${count < 100 ? count.toFixed(1) : count.toPrecision(3)} steps`
}
