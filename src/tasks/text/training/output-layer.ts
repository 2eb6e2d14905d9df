// The cost of a text model's output layer, and minimum counts that make it smaller. Each symbol of the vocabulary has a row of weights in it,
// so that training on a text with many different characters spends most of its time there.

/** An output layer with more than this share of a step's multiplications is called large. */
export const LARGE_OUTPUT_SHARE = 0.5

/** Name of the weights of the output layer, of which each symbol of the vocabulary has a row. */
export const OUTPUT_WEIGHT = 'head.weight'

/** Minimum counts that are tried, smallest first. */
const MIN_COUNTS = [2, 3, 5, 10, 20, 50, 100, 200, 500, 1000]

/** Shape of a parameter, as models and headers of model files have them. */
export interface ParameterShape {
  readonly name: string
  readonly shape: readonly number[]
}

interface Multiplications {
  /** Per symbol of the vocabulary and position. */
  readonly row: number
  /** Of the output layer per position. */
  readonly output: number
  /** Of the recurrent layers per position. */
  readonly layers: number
}

/** Counts the multiplications of one position of a batch: each matrix is multiplied once; the embedding is a look-up. */
function multiplications(parameters: Iterable<ParameterShape>): Multiplications {
  let [row, output, layers] = [0, 0, 0]
  for (const { name, shape } of parameters) {
    const [rows = 0, columns = 0] = shape
    if (name === OUTPUT_WEIGHT) [row, output] = [columns, rows * columns]
    else if (!name.startsWith('embedding.')) layers += rows * columns
  }
  return { row, output, layers }
}

/**
 * Returns the share of the output layer in the multiplications of a text model, 0 to 1, from the shapes of its parameters, those of a
 * model or of a file. Forward and backward passes have the same share.
 *
 * @example
 * outputLayerShare(run.model.parameters.specs) // 0.88 for 30,205 characters and 2 x 256 units
 */
export function outputLayerShare(parameters: Iterable<ParameterShape>): number {
  const { output, layers } = multiplications(parameters)
  return output === 0 ? 0 : output / (output + layers)
}

/** A minimum count with which the output layer is not large. */
export interface SmallerVocabulary {
  /** Symbols that occur less often share one id. */
  readonly minCount: number
  /** Number of its symbols, including <unk>. */
  readonly size: number
}

/**
 * Returns the smallest of a few minimum counts with which the output layer is not large, and the size of the vocabulary with it; null if
 * none of them suffices. `counts` has the number of occurrences of each character.
 */
export function smallerVocabulary(
  parameters: Iterable<ParameterShape>,
  counts: ReadonlyMap<number, number>
): SmallerVocabulary | null {
  const { row, layers } = multiplications(parameters)
  for (const minCount of MIN_COUNTS) {
    const kept = [...counts.values()].filter((count) => count >= minCount).length
    const output = row * (kept + 1)
    if (kept > 0 && output <= LARGE_OUTPUT_SHARE * (output + layers)) return { minCount, size: kept + 1 }
  }
  return null
}

/** Returns the largest number of symbols with which the output layer is not large, rounded down to two digits. */
export function balancedVocabulary(parameters: Iterable<ParameterShape>): number {
  const { row, layers } = multiplications(parameters)
  const most = (LARGE_OUTPUT_SHARE / (1 - LARGE_OUTPUT_SHARE)) * (layers / row)
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(most)) - 1)
  return Math.floor(most / unit) * unit
}
