// The tokenisers of BLEU, equal to those of sacreBLEU 2.6.0: each makes words of a sentence before they are compared.

import { expected, show } from '../../errors.js'
import { splitWhite, trimWhite, trimWhiteEnd } from './python-text.js'

/** Applies the rules of mteval-v13a for Western languages to a line: punctuation becomes words of its own, but not . and , between digits. */
function westernWords(line: string): string[] {
  return splitWhite(
    line
      .replace(/([{-~[-` -&(-+:-@/])/g, ' $1 ')
      .replace(/([^0-9])([.,])/gu, '$1 $2 ')
      .replace(/([.,])([^0-9])/gu, ' $1 $2')
      .replace(/([0-9])(-)/g, '$1 $2 ')
  )
}

/** Returns the words of a line as mteval-v13a has them, with the five entities of its data resolved in its order. */
function words13a(line: string): string[] {
  const plain = line
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '')
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
  return westernWords(` ${plain} `)
}

/**
 * Ranges of characters that the tokeniser zh separates. Two of them are not what sacreBLEU means: in Python '\u20000' is U+2000 and a zero, so
 * the ranges of supplementary ideographs became U+2001 to U+2A6D and U+2F81 to U+2FA1. Published figures contain this, so ours do.
 */
const CHINESE = new RegExp(
  '([\\u3400-\\u4db5\\u4e00-\\u9fbb\\uf900-\\ufa2d\\ufa30-\\ufa6a\\ufa70-\\ufad9\\u2001-\\u2a6d\\u2f81-\\u2fa1\\uff00-\\uffef\\u2e80-\\u2eff' +
    '\\u3000-\\u303f\\u31c0-\\u31ef\\u2f00-\\u2fdf\\u2ff0-\\u2fff\\u3100-\\u312f\\u31a0-\\u31bf\\ufe10-\\ufe1f\\ufe30-\\ufe4f\\u3200-\\u33ff])',
  'gu'
)

const tokenizers = {
  '13a': words13a,
  zh: (line: string) => westernWords(trimWhite(line).replace(CHINESE, ' $1 ')),
  none: splitWhite,
  char: (line: string) => splitWhite(Array.from(line).join(' ')),
  // Punctuation and symbols of all scripts, by the Unicode version of Node.js.
  intl: (line: string) =>
    splitWhite(
      line
        .replace(/(\P{N})(\p{P})/gu, '$1 $2 ')
        .replace(/(\p{P})(\P{N})/gu, ' $1 $2')
        .replace(/(\p{S})/gu, ' $1 ')
    )
} satisfies Record<string, (line: string) => string[]>

/** Name of a tokeniser of BLEU. */
export type BleuTokenizer = keyof typeof tokenizers

/** Names of the tokenisers of BLEU, the default first. */
export const bleuTokenizers = Object.keys(tokenizers) as readonly BleuTokenizer[]

/** Tokenisers of sacreBLEU that need a dictionary or a model. */
const HEAVY = ['ja-mecab', 'ko-mecab', 'spm', 'flores101', 'flores200', 'spBLEU-1K']

/**
 * Returns the function that makes words of a sentence. Throws ERR_UNSUPPORTED for a tokeniser of sacreBLEU that needs a dictionary or a model
 * (ja-mecab, ko-mecab, spm, flores101, flores200, spBLEU-1K), ERR_INVALID_ARGUMENT for any other name.
 */
export function bleuWords(name: string): (line: string) => string[] {
  if (Object.hasOwn(tokenizers, name)) return (line) => tokenizers[name as BleuTokenizer](trimWhiteEnd(line))
  const heavy = HEAVY.includes(name)
  const what = heavy
    ? `a tokeniser of BLEU without a dictionary or a model, one of ${bleuTokenizers.join(', ')},`
    : `a tokeniser of BLEU, one of ${bleuTokenizers.join(', ')},`
  const remedy = name.startsWith('ja')
    ? 'measure Japanese with char and chrF, or write the translations to a file and measure them with sacreBLEU'
    : 'measure with char and chrF, or write the translations to a file and measure them with sacreBLEU'
  throw expected(
    heavy ? 'ERR_UNSUPPORTED' : 'ERR_INVALID_ARGUMENT',
    what,
    show(name),
    heavy ? remedy : 'choose one of them'
  )
}
