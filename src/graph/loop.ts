// Native loops of a plan: forward runs one after the other, in which outputs feed inputs, without JavaScript between them.

import { integer, list, object, optional } from '../check/index.js'
import { native } from '../native.js'
import type { Tables } from './compile.js'
import { tensor, type Graph, type Tensor } from './graph.js'
import { nativeError } from '../native-call.js'
import type { NativePlan } from './native-plan.js'
import type { Loop, LoopOptions } from './plan-types.js'
import { rowHead } from './row-words.js'
import { sizeOf } from './shape.js'

const readStop = integer(-1, 2 ** 31 - 1)
const readLoopOptions = object<LoopOptions>({
  feeds: list(list(tensor, 2, 2), 0, 16),
  records: list(tensor, 0, 16),
  rows: optional(tensor),
  watched: optional(tensor),
  logits: optional(tensor),
  token: optional(tensor)
})

/** Place of the token to stop at in the description of a loop, which `planGenerate` in native.ts defines. */
const STOP = 2

/** Makes a loop of `plan`, which was compiled from `graph`. Throws ERR_INVALID_ARGUMENT if a tensor belongs to another graph. */
export function createLoop(options: LoopOptions, graph: Graph, tables: Tables, plan: NativePlan): Loop {
  const { feeds, records, rows, watched, logits, token } = readLoopOptions(options, 'the options of loop')
  const idOf = (tensor: Tensor | undefined) => {
    if (tensor) graph.own(tensor, 'a tensor of the loop')
    return tensor ? tables.idOf(tensor) : -1
  }
  const ids = [idOf(rows), idOf(watched), -1, feeds.length, records.length]
  const description = Int32Array.from([...ids, ...feeds.flat().map(idOf), ...records.map(idOf)])
  const drawn = [idOf(logits), idOf(token)]
  return {
    width: records.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    run(count, stop, out) {
      const handle = plan.begin('forward')
      try {
        description[STOP] = readStop(stop, 'stop')
        return native().planGenerate(handle, description, count, out)
      } catch (error) {
        throw nativeError(error)
      } finally {
        plan.end('forward')
      }
    },
    async runAsync(count, stop, out) {
      const token = readStop(stop, 'stop')
      await plan.runAway('forward', undefined, (handle) => {
        description[STOP] = token
        return native().planGenerateAsync(handle, description, count, out)
      })
      return out[out.length - 1]!
    },
    runRowsSync(count, out, table) {
      table.set(drawn, rowHead.logits)
      const handle = plan.begin('forward')
      try {
        description[STOP] = -1
        return native().planGenerateRows(handle, description, count, out, table)
      } catch (error) {
        throw nativeError(error)
      } finally {
        plan.end('forward')
      }
    },
    async runRows(count, out, table) {
      table.set(drawn, rowHead.logits)
      await plan.runAway('forward', undefined, (handle) => {
        description[STOP] = -1
        return native().planGenerateRowsAsync(handle, description, count, out, table)
      })
      return out[out.length - 1]!
    }
  }
}
