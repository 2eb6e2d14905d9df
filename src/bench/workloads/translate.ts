// translate: sentences of ten symbols through the search of a translator, greedy and with a beam. The network has random weights and the sizes of the
// task's defaults; its translations never end and are cut off at ten symbols, so that each costs eleven steps of the decoder.

import { machineInfo } from '../../machine.js'
import { defineModel, type Model } from '../../model.js'
import { createRandom } from '../../random.js'
import { defaultsOf } from '../../settings/index.js'
import type { TranslationConfig } from '../../tasks/translation/config.js'
import { createDecoding, type Decoding } from '../../tasks/translation/decode.js'
import { translationDefinition } from '../../tasks/translation/model.js'
import {
  sentenceSettings,
  symbolSettings,
  translationNetworkSettings,
  translationTrainingSettings
} from '../../tasks/translation/settings.js'
import { symbolsOfConfig } from '../../tasks/translation/symbols.js'
import { summarise } from '../report/stats.js'
import type { Workload } from '../workload.js'

const SYMBOLS = 10
/** Added to the logit of the end, so that no translation ends. */
const NEVER = -50
/** A block of code points without surrogates for the symbols of the vocabulary. */
const FIRST_SYMBOL = 0x3400

const cases = [
  { sentences: 1, beam: 1 },
  { sentences: 32, beam: 1 },
  { sentences: 32, beam: 5 }
]

/** The workload translate: the time of a sentence, greedy by itself and in a batch, and with a beam. */
export const translate: Workload = {
  name: 'translate',
  summary: 'sentences translated, greedy and with a beam, each sentence',
  async *run({ threads, seconds }) {
    const { isaUsed: isa, threads: all } = machineInfo()
    const config = translatorConfig()
    const { hidden: H, layers } = config.network
    using model = defineModel(translationDefinition(config), { seed: 0, threads })
    const decoding = endless(model, config)
    const times = cases.map((): number[] => [])
    const end = performance.now() + 1000 * cases.length * seconds
    // The cases take turns, so that their ratio does not depend on what else the machine does. The first turn warms up.
    for (let turn = 0; turn < 2 || performance.now() < end; turn++)
      for (const [i, one] of cases.entries()) {
        const begin = performance.now()
        await decoding(sourcesOf(one.sentences, config), { beam: one.beam, longest: SYMBOLS })
        if (turn > 0) times[i]!.push((1000 * (performance.now() - begin)) / one.sentences)
      }
    const greedy = summarise(times[1]!).median
    for (const [i, one] of cases.entries()) {
      const { median, p10, p90, samples } = summarise(times[i]!)
      yield {
        workload: 'translate',
        shape: { H, layers, ...one, symbols: SYMBOLS },
        threads: threads || all,
        precision: 'f32',
        isa,
        median_us: median,
        p10_us: p10,
        p90_us: p90,
        step_us: median / (SYMBOLS + 1),
        times_greedy: median / greedy,
        samples
      }
    }
  }
}

/** Returns the configuration of a translator of the default sizes, with one vocabulary of characters for both languages. */
function translatorConfig(): TranslationConfig {
  const symbolChoice = defaultsOf(symbolSettings)
  const codes = Array.from({ length: symbolChoice.size - 2 }, (_, i) => FIRST_SYMBOL + i)
  const symbols = String.fromCodePoint(...codes)
  return {
    network: defaultsOf(translationNetworkSettings),
    symbols: symbolChoice,
    sentences: defaultsOf(sentenceSettings),
    training: defaultsOf(translationTrainingSettings),
    vocabulary: { target: { kind: 'character', symbols, unknown: false, special: ['begin', 'end'] }, source: null }
  }
}

/** Returns the search with a model whose translations never end. */
function endless(model: Model, config: TranslationConfig): Decoding {
  const symbols = symbolsOfConfig(config.vocabulary)
  const bias = new Float32Array(symbols.target.size)
  bias[symbols.target.idOf('end')] = NEVER
  model.parameters.set('head.bias', bias)
  return createDecoding(model, config, symbols)
}

/** Returns sentences of random symbols, the same in each call. */
function sourcesOf(count: number, { symbols }: TranslationConfig): Int32Array[] {
  const random = createRandom(0, 'bench.translate')
  return Array.from({ length: count }, () =>
    Int32Array.from({ length: SYMBOLS }, () => 2 + random.below(symbols.size - 2))
  )
}
