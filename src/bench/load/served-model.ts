// A model file for a server that is measured: a text model whose weights are its first ones, since speed does not depend on them.

import { writeCheckpoint } from '../../io/checkpoint.js'
import { networkDefaults } from '../../tasks/text/settings.js'
import { textModel } from '../../tasks/text/model.js'
import { VOCABULARY } from '../workloads/amounts.js'
import type { Stack } from '../workloads/networks.js'

/** The symbols of the model, one character each. */
export const SERVED_SYMBOLS = String.fromCodePoint(...Array.from({ length: VOCABULARY }, (_, i) => 48 + i))

/** Makes the model: an embedding of H columns, the layers, a linear layer to the scores of 65 characters. */
export function servedModel({ H, layers }: Stack, seed = 0) {
  const network = { ...networkDefaults, embedding: H, hidden: H, layers, dropout: 0 }
  const vocabulary = { kind: 'character', symbols: SERVED_SYMBOLS, unknown: false } as const
  return textModel({ vocabulary, network, split: { valid: 0, test: 0 } }, { seed, threads: 1 })
}

/** Writes such a model to a file. */
export async function writeServedModel(path: string, stack: Stack, seed = 0): Promise<void> {
  using model = servedModel(stack, seed)
  const { name, config, parameters } = model
  await writeCheckpoint(path, { task: name, config, progress: { step: 1 }, weights: parameters.list() })
}

/** Returns a prompt of `length` characters. */
export function promptOf(length: number, seed: number): string {
  return Array.from({ length }, (_, i) => SERVED_SYMBOLS[(7 * i + seed * (2 * i + 3)) % VOCABULARY]!).join('')
}
