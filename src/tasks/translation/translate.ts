// `gatecell translate`: sentences of the command line, or the lines of standard input as they come.

import { fileLines, lineText } from '../../data/files/lines.js'
import { expected } from '../../errors.js'
import { attentionSvg } from '../../plot/attention.js'
import type { Values } from '../../settings/index.js'
import { drawsOf, foundLines } from '../search-settings.js'
import type { RecordOf, VerbCode } from '../verb.js'
import { checkSentence, loadTranslator, type LoadedTranslator, type Translation } from './load.js'
import type { translateRecords, translateSettings } from './use-settings.js'

type TranslateInput = Values<typeof translateSettings>
type TranslateRecord = RecordOf<typeof translateRecords>

/** Returns the text of the input at a place; throws an error if it cannot be translated. */
type TextAt = () => string

/** Yields the texts of a list before the first one that cannot be translated, and then throws its error. */
function* before(texts: readonly TextAt[]): Generator<string[]> {
  const found: string[] = []
  try {
    for (const text of texts) found.push(text())
  } catch (error) {
    if (found.length > 0) yield found
    throw error
  }
  if (found.length > 0) yield found
}

/**
 * Yields the lines of standard input in lists, a list for each piece of input that arrives. A line that cannot be translated ends the input after the
 * lines before it, so that their translations do not depend on which lines arrive together.
 */
async function* linesOf(
  stdin: AsyncIterable<Uint8Array>,
  check: (text: string, place: string) => string
): AsyncGenerator<string[]> {
  let read = 0
  for await (const lines of fileLines(stdin, 'standard input')) {
    yield* before(
      lines.map((line, i) => () => {
        const place = `line ${read + i + 1} of standard input`
        return check(lineText(line, place), place)
      })
    )
    read += lines.length
  }
}

function recordOf(source: string, translations: readonly Translation[]): TranslateRecord {
  const [best] = translations as [Translation]
  const { text, nats } = best
  return { event: 'translate', source, text, nats, translations: translations.map((one) => ({ ...one })) }
}

/** Throws ERR_INVALID_OPTION unless the input is one sentence, of which a picture is drawn. */
function oneSentence(sentences: readonly string[] | undefined): string {
  const [sentence, ...others] = sentences ?? []
  if (sentence !== undefined && sentence !== '-' && others.length === 0) return sentence
  const found = sentences === undefined || sentence === '-' ? 'standard input' : `${sentences.length}`
  throw expected('ERR_INVALID_OPTION', 'one sentence for a picture of the attention', found, 'give one as a word')
}

/** The code of `translate`. */
export const translateCode: VerbCode<LoadedTranslator, TranslateInput, TranslateRecord> = {
  load: loadTranslator,
  async *run(translator, input, { signal, stdin }) {
    const { sentences, attention, beam, best, lengthPenalty, coveragePenalty, prune } = input
    const draws = drawsOf(input)
    const drawn = attention ? oneSentence(sentences) : null
    let first = 0
    const fromStdin = sentences === undefined || (sentences.length === 1 && sentences[0] === '-')
    const check = (text: string, place: string) => {
      checkSentence(translator, text, place)
      return text
    }
    const batches = fromStdin ? linesOf(stdin(), check) : before(sentences.map((text, i) => () => check(text, `sentence ${i + 1}`))) // prettier-ignore
    for await (const texts of batches) {
      const drawing = draws && { ...draws, first }
      const options = { beam, best, lengthPenalty, coveragePenalty, prune, signal, ...(drawing && { draws: drawing }) }
      const found = await translator.translate(texts, options)
      first += texts.length
      for (const [i, translations] of found.entries()) yield recordOf(texts[i]!, translations)
      if (drawn === null) continue
      const matrix = await translator.attention(drawn, { translation: found[0]![0]!.text, signal })
      const content = attentionSvg(matrix, { title: `attention: ${drawn.trim()}` })
      yield { event: 'file', name: 'attention', type: 'image/svg+xml', content }
    }
  },
  show(record, { best }) {
    if (record.event === 'file') return {}
    return { lines: foundLines(record.translations, best) }
  }
}
