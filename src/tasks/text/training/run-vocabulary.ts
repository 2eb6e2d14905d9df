// The vocabulary of a training: a kind that is made of the text, the file of a tokenizer, or that of the run that is resumed.

import { readWholeText } from '../../../data/files/whole-text.js'
import type { CorpusOptions } from '../../../data/text/corpus.js'
import { bpeFromTokenizerJson, vocabularyFromConfig, type Vocabulary } from '../../../data/text/vocabulary.js'
import { expected } from '../../../errors.js'
import type { Given } from '../../../settings/index.js'
import { checkResumed, given } from '../../runs/settings.js'
import type { TextConfig } from '../config.js'
import type { textVocabularySettings } from '../settings.js'

type VocabularySettings = Given<typeof textVocabularySettings>

/** Most bytes of a tokenizer's file; that of 2^18 tokens has about 20 MB. */
const MAX_TOKENIZER_BYTES = 2 ** 26

/**
 * Returns the options of `openCorpus` for the vocabulary of a run; `old` is the configuration of the run that is resumed. Throws
 * ERR_INVALID_OPTION for settings that exclude each other or contradict the resumed run, and the errors of reading a tokenizer.
 */
export async function runVocabulary(
  settings: VocabularySettings,
  old: TextConfig | null,
  signal: AbortSignal | undefined
): Promise<Pick<CorpusOptions, 'vocabulary' | 'vocabularySize' | 'minCount'>> {
  const { vocabulary = 'character', vocabularySize, minCount, tokenizer } = settings
  if (tokenizer !== undefined) {
    refuseWithTokenizer(settings)
    return { vocabulary: await readTokenizer(tokenizer, old, signal) }
  }
  if (!old) return { vocabulary, ...given({ vocabularySize, minCount }) }
  const { kind } = old.vocabulary
  checkResumed({ vocabulary: { vocabulary: settings.vocabulary } }, { vocabulary: { vocabulary: kind } })
  const before = vocabularyFromConfig(old.vocabulary)
  const sized = kind === 'word' || kind === 'bpe'
  if (sized) checkResumed({ vocabulary: { vocabularySize } }, { vocabulary: { vocabularySize: before.size } })
  return { vocabulary: before, ...(!sized && given({ vocabularySize })) }
}

/** Throws ERR_INVALID_OPTION for settings that have no effect with a tokenizer. */
function refuseWithTokenizer({ vocabulary, vocabularySize, minCount }: VocabularySettings): void {
  const found = [
    vocabulary !== undefined && vocabulary !== 'bpe' && `the vocabulary ${vocabulary}`,
    vocabularySize !== undefined && `a size of ${vocabularySize}`,
    minCount !== undefined && `a minimum count of ${minCount}`
  ].find((part) => part !== false)
  if (found === undefined) return
  const remedy = 'leave one of the two out (tokenizer)'
  throw expected('ERR_INVALID_OPTION', 'the vocabulary of a tokenizer as it is', found, remedy)
}

async function readTokenizer(
  path: string,
  old: TextConfig | null,
  signal: AbortSignal | undefined
): Promise<Vocabulary> {
  const text = await readWholeText(path, { signal, maxBytes: MAX_TOKENIZER_BYTES })
  const vocabulary = bpeFromTokenizerJson(text)
  if (old && JSON.stringify(vocabulary.config) !== JSON.stringify(old.vocabulary)) {
    throw expected(
      'ERR_INVALID_OPTION',
      'the tokenizer with which the run began',
      `another one, ${path}`,
      'leave the option out to resume (tokenizer), or replace the run (mode "force")'
    )
  }
  return vocabulary
}

/** Most bytes of a vocabulary in the header of a model file, which has 2^24 of them. */
const MAX_STORED_BYTES = 2 ** 23

/** Throws ERR_OUT_OF_RANGE for a vocabulary whose symbols are too long for the header of a model file. */
export function checkStoredSize({ config, size }: Vocabulary): void {
  const bytes = Buffer.byteLength(JSON.stringify(JSON.stringify(config)))
  if (bytes <= MAX_STORED_BYTES) return
  throw expected(
    'ERR_OUT_OF_RANGE',
    `a vocabulary that takes at most ${MAX_STORED_BYTES} bytes of a model file`,
    `one of ${size} symbols with ${bytes} bytes`,
    'choose a smaller vocabulary (vocabularySize), or bytes'
  )
}
