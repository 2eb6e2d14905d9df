// The values that a pickle describes.

/** A name of a Python module, such as torch.FloatStorage. */
export interface PickleGlobal {
  readonly kind: 'global'
  readonly name: string
}

/** A list or a tuple. */
export interface PickleList {
  readonly kind: 'list' | 'tuple'
  readonly items: PickleValue[]
}

/** A dictionary: keys and values in turn. */
export interface PickleDict {
  readonly kind: 'dict'
  readonly items: PickleValue[]
}

/** A call that Python would make; `items` are keys and values that it would set afterwards. */
export interface PickleCall {
  readonly kind: 'call'
  readonly name: string
  readonly args: readonly PickleValue[]
  readonly items: PickleValue[]
}

/** A reference to something outside the pickle: the storage of a tensor. */
export interface PickleReference {
  readonly kind: 'reference'
  readonly id: PickleValue
}

/** A value that a pickle describes. */
export type PickleValue =
  null | boolean | number | bigint | string | PickleGlobal | PickleList | PickleDict | PickleCall | PickleReference

/** The kinds of objects and their types. */
interface Kinds {
  global: PickleGlobal
  list: PickleList
  tuple: PickleList
  dict: PickleDict
  call: PickleCall
  reference: PickleReference
}

/** Returns whether a value is an object of a kind. */
export function isKind<K extends keyof Kinds>(value: PickleValue, kind: K): value is Kinds[K] {
  return typeof value === 'object' && value !== null && value.kind === kind
}
