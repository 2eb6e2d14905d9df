// The weights of another model as the first weights of a run (`--init-from`).

import { counted } from '../../errors.js'
import type { JsonObject } from '../../io/json.js'
import { defineModel, type Model } from '../../model.js'
import { initializeFrom, type InitializeReport, type SymbolRows } from '../../train/initialize-from.js'
import { readModelFile, withCheckpoint, type SymbolParameters, type TaskModel } from './model-file.js'

/** The weights that a run took from another model. */
export interface InitialWeights extends InitializeReport {
  /** The model's file. */
  readonly path: string
}

/**
 * Gives `model`, the network of `config`, the weights of the model in the file `path` wherever names and shapes agree; rows of symbols go by
 * symbol, so that the vocabulary may differ. Throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_WRONG_TASK, and ERR_INVALID_ARGUMENT if no
 * weight fits.
 */
export async function takeInitialWeights<C>(
  task: TaskModel<C>,
  { model, config, path }: { model: Model; config: C; path: string }
): Promise<InitialWeights> {
  return await withCheckpoint(path, async (opened) => {
    const file = readModelFile(task, opened)
    using source = defineModel(file.definition, { training: false, initialize: false })
    await file.loadWeights(source)
    const tensors = new Map(source.parameters.list().map((tensor) => [tensor.name, tensor]))
    const rows = rowsBetween(task.symbolParameters?.(file.config) ?? [], task.symbolParameters?.(config) ?? [])
    const fits = rows.map((rule) => ({ ...rule, parameters: rule.parameters.filter((name) => tensors.has(name)) }))
    return { ...(await initializeFrom(model, tensors, { rows: fits })), path }
  })
}

/** Returns the rules by which rows of one network become those of another; both have the same lists of parameters. */
function rowsBetween(from: readonly SymbolParameters[], to: readonly SymbolParameters[]): SymbolRows[] {
  return to.flatMap(({ parameters, symbols, firstColumn }, index) => {
    const old = from[index]
    if (!old) return []
    const names = parameters.filter((name) => old.parameters.includes(name))
    return [{ parameters: names, from: old.symbols, to: symbols, ...(firstColumn !== undefined && { firstColumn }) }]
  })
}

/** Returns the record of a run's initial weights, for logs. */
export function initialRecord({ path, taken, byRow, left }: InitialWeights): JsonObject {
  return {
    from: path,
    taken,
    by_symbol: Object.fromEntries(byRow.map(({ name, rows }) => [name, rows])),
    left: left.map(({ name }) => name)
  }
}

/** Returns the initial weights of a run in a line for people. */
export function initialLine({ path, taken, byRow, left }: InitialWeights): string {
  const rows = byRow.length === 0 ? '' : `, ${byRow.length} by symbol (${byRow[0]!.rows} symbols)`
  const rest = left.length === 0 ? '' : `; new: ${left.map(({ name }) => name).join(', ')}`
  return `${path}: ${counted(taken.length, 'parameter')} as they are${rows}${rest}`
}
