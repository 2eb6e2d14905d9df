// The values of a graph's constants in memory: those of weights are let go as soon as the parameters of the model have them.

import { expected } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import type { OnnxConstant } from './read.js'

/** Constants whose values may be let go. */
export interface HeldConstants {
  readonly constants: ReadonlyMap<string, OnnxConstant>
  /** Lets the values go that `record`, which records the graph, does not read, and returns the names of the constants that still have theirs. */
  release(record: () => void): ReadonlySet<string>
}

/** Returns a constant whose values are a weight of the model, so that nothing reads them here. */
export function weightOnly(shape: readonly number[], name: string, path: string): OnnxConstant {
  return {
    type: 'f32',
    shape,
    get data(): never {
      const what = `the values of the constant ${quoted(name)} in ${path}`
      throw expected('ERR_FILE_FORMAT', what, 'only its shape', 'import the model again')
    }
  }
}

/** Returns the constants of the file at `path` as ones that may be let go. */
export function heldConstants(all: ReadonlyMap<string, OnnxConstant>, path: string): HeldConstants {
  const held = new Map(all)
  const read = new Set<string>()
  const watched = ([name, { type, shape }]: readonly [string, OnnxConstant]) => {
    const constant: OnnxConstant = {
      type,
      shape,
      get data() {
        read.add(name)
        return held.get(name)!.data
      }
    }
    return [name, constant] as const
  }
  const constants = new Map([...all].map(watched))
  return {
    constants,
    release(record) {
      read.clear()
      record()
      for (const [name, { type, shape }] of constants)
        if (type === 'i64') read.add(name)
        else if (!read.has(name)) held.set(name, weightOnly(shape, name, path))
      return new Set(read)
    }
  }
}
