// The ids of a prompt. A word of a prompt is not changed in silence: an unknown one is an error, also if the vocabulary has `<unk>`, because
// whoever asks how a text continues after a word wants no other answer. A rare character among many known ones may be `<unk>`.

import { vocabularyFromConfig, type Vocabulary } from '../../../data/text/vocabulary.js'
import { counted, expected } from '../../../errors.js'

const REMEDY = 'use words that are frequent in the text of the training'

/**
 * Returns the ids of a prompt. Throws ERR_UNKNOWN_SYMBOL with the symbols that the vocabulary does not have, of a vocabulary of words also if
 * it has `<unk>`, and for a prompt without any word.
 */
export function promptIds(vocabulary: Vocabulary, prompt: string): Int32Array {
  if (vocabulary.kind !== 'word') return vocabulary.encode(prompt)
  const ids = vocabulary.encode(prompt, REMEDY)
  if (ids.length === 0) {
    throw expected(
      'ERR_UNKNOWN_SYMBOL',
      'a prompt with a word in it',
      'only white space',
      'add a word, or leave the prompt out'
    )
  }
  const { unknownId } = vocabulary
  const unknown = ids.filter((id) => id === unknownId).length
  if (unknown === 0) return ids
  withoutUnknown(vocabulary)?.encode(prompt, REMEDY)
  throw expected('ERR_UNKNOWN_SYMBOL', 'a prompt of known words', counted(unknown, 'unknown word'), REMEDY)
}

/** Returns the same vocabulary without `<unk>`, whose error names the unknown words; null if the caller made the vocabulary. */
function withoutUnknown(vocabulary: Vocabulary): Vocabulary | null {
  try {
    const { config } = vocabularyFromConfig(vocabulary.config)
    if (config.kind !== 'word') return null
    const special = config.special?.filter((token) => token !== 'unknown') ?? []
    const { kind, words, lowerCase } = config
    return vocabularyFromConfig({ kind, words, lowerCase, ...(special.length > 0 && { special }) })
  } catch {
    return null
  }
}

/** The symbols with which a text is begun without a prompt, the best one first: the end of a line, and of a sentence. */
const ENDS = ['\n', '.']

/** Returns the id that a model reads before the first symbol of a text that has no prompt. */
export function firstId(vocabulary: Vocabulary): number {
  for (const end of ENDS) {
    const id = Array.from({ length: vocabulary.size }, (_, id) => id).find((id) => vocabulary.decode([id]) === end)
    if (id !== undefined) return id
  }
  return 0
}

/** Returns the ids that a model reads before the first draw: those of the prompt, or of the end of a line. Throws what `promptIds` throws. */
export function readingOf(vocabulary: Vocabulary, prompt: string): Int32Array {
  return prompt === '' ? Int32Array.of(firstId(vocabulary)) : promptIds(vocabulary, prompt)
}
