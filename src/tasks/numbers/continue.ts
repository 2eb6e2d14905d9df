// `gatecell continue`: the next terms of a sequence, with their probabilities and the families that fit.

import { percent } from '../../format.js'
import type { Values } from '../../settings/index.js'
import type { TaskConfig } from '../define-task.js'
import type { LoadedModel } from '../runs/load.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { readTerms } from './digits.js'
import { families, type FamilyName } from './families.js'
import { continueTerms, type NextTerm } from './predict.js'
import type { numbersNetworkSettings } from './settings.js'
import type { continueRecords, continueSettings } from './use-settings.js'

/** A model of numbers that was loaded from a file. */
export type LoadedNumbers = LoadedModel<TaskConfig<typeof numbersNetworkSettings>>

/** Families below this probability are not printed. */
const NOTABLE = 0.01

type ContinueInput = Values<typeof continueSettings>
type ContinueRecord = RecordOf<typeof continueRecords>

/** Returns the code of `continue`; `load` loads the model. */
export function continueCode(
  load: VerbCode<LoadedNumbers, ContinueInput, ContinueRecord>['load']
): VerbCode<LoadedNumbers, ContinueInput, ContinueRecord> {
  return {
    load,
    async *run({ model }, { terms, count, choices }, { signal }) {
      const given = readTerms(terms)
      const { next, then, families: fitting } = await continueTerms(model, given, { count, choices, signal })
      yield {
        event: 'continue',
        terms: given.map(String),
        next: next.map(termRecord),
        then: then.map(termRecord),
        families: Object.fromEntries(fitting.map(({ family, probability }) => [family, probability]))
      }
    },
    show({ terms, next, then, families: fitting }) {
      const rules = Object.entries(fitting).filter(([, probability]) => probability >= NOTABLE)
      const row = (name: string, probability: number, text: string) =>
        `${name}  ${percent(probability).padStart(9)}  ${text}`
      return {
        lines: [
          [...terms, ...then.map(({ term }) => term)].join(', '),
          '',
          ...next.map(({ term, probability }) => row('next', probability, term)),
          ...then.slice(1).map(({ term, probability }) => row('then', probability, term)),
          '',
          ...rules.map(([name, probability]) =>
            row('rule', probability, `${name}: ${families[name as FamilyName].rule}`)
          )
        ]
      }
    }
  }
}

function termRecord({ term, probability }: NextTerm) {
  return { term: `${term}`, probability }
}
