// The trace of a model of numbers on two or more sequences, as a record, lines and a picture.

import { percent } from '../../format.js'
import type { Values } from '../../settings/index.js'
import type { RecordOf, Shown, VerbCode } from '../verb.js'
import type { LoadedNumbers } from './continue.js'
import { readTerms } from './digits.js'
import { NUMBERS_TASK } from './settings.js'
import { cellsSvg } from './trace-picture.js'
import { traceNumbers } from './trace.js'
import type { numbersTraceRecords, numbersTraceSettings } from './use-settings.js'

type TraceInput = Values<typeof numbersTraceSettings>
type TraceRecord = RecordOf<typeof numbersTraceRecords>

/** Returns the code of `trace`; `load` loads the model. */
export function numbersTraceCode(
  load: VerbCode<LoadedNumbers, TraceInput, TraceRecord>['load']
): VerbCode<LoadedNumbers, TraceInput, TraceRecord> {
  return {
    load,
    async *run(loaded, { terms, cells: count, svg }, { signal }) {
      const traced = await traceNumbers(loaded, sequencesOf(terms).map(readTerms), { signal })
      const cells = traced.cells.slice(0, count)
      const content = svg ? cellsSvg({ ...traced, cells }) : ''
      if (svg) yield { event: 'file', name: 'svg', type: 'image/svg+xml', content }
      yield {
        event: 'trace',
        task: NUMBERS_TASK,
        sequences: traced.sequences.map((one) => ({ ...one, terms: one.terms.map(String), next: `${one.next}` })),
        units: traced.cells.length,
        cells
      }
    },
    show(record): Shown {
      if (record.event === 'file') return {}
      const { sequences, cells, units } = record
      const last = (row: readonly number[]) => row.at(-1)!.toFixed(2).padStart(6)
      return {
        lines: [
          ...sequences.map(
            ({ terms, next, probability, family }) =>
              `${terms.join(', ')} -> ${next} (${percent(probability)}, ${family})`
          ),
          '',
          `memory cells of the encoder (tanh) after its last digit: the ${cells.length} of ${units} that differ most`,
          ...cells.map(({ unit, values }) => `  cell ${`${unit}`.padStart(4)}  ${values.map(last).join('  ')}`)
        ]
      }
    }
  }
}

/** Returns the words between slashes. */
function sequencesOf(words: readonly string[]): string[][] {
  return words
    .join(' ')
    .split('/')
    .map((part) => part.split(' '))
}
