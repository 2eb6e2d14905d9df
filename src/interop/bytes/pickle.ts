// Pickles (protocol 2, as torch.save writes them), read as a description: a call of a function becomes a record with its name and its arguments, and
// nothing is ever called. Only the opcodes of a state_dict are read, and only names that the caller lists; everything else is refused by name.
// The memory of the result is counted, because some opcodes of one byte make an object of many.

import { expected, type GatecellError } from '../../errors.js'
import { isKind, type PickleValue } from './pickle-values.js'

/** How a pickle is read. */
export interface PickleOptions {
  /** The name of the file in messages. */
  readonly where: string
  /** The names of functions and classes that may occur. */
  readonly names: ReadonlySet<string>
  /** Returns the error for a name that is not in the list. */
  refuse(name: string): GatecellError
}

/** Most bytes of a pickle, and most opcodes: those of 8,000 tensors. */
const MAX_BYTES = 2 ** 21
const MAX_OPCODES = 2 ** 18
/** Most bytes of the values. */
const MAX_MEMORY = 2 ** 23
const MAX_NAME = 256
/** Bytes of an object with its list, of an item of a list, which may grow to more places than it has items, of a number, and of a text at least. */
const OBJECT_BYTES = 120
const ITEM_BYTES = 12
const FIRST_ITEM_BYTES = 136
const NUMBER_BYTES = 24
const TEXT_BYTES = 16

/** Returns the value that a pickle describes. Throws ERR_FILE_FORMAT for other opcodes, damaged bytes and more objects than a state_dict has. */
export function describePickle(bytes: Uint8Array, options: PickleOptions): PickleValue {
  return new PickleReader(bytes, options).value()
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

class PickleReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #options: PickleOptions
  #at = 0
  /** Bytes that values take. */
  #taken = 0
  readonly #stack: PickleValue[] = []
  /** Heights of the stack at the marks. */
  readonly #marks: number[] = []
  readonly #memo: PickleValue[] = []

  constructor(bytes: Uint8Array, options: PickleOptions) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#options = options
  }

  value(): PickleValue {
    if (this.#bytes.length > MAX_BYTES) throw this.#wrong(`at most ${MAX_BYTES} bytes`, `${this.#bytes.length}`)
    for (let count = 0; count < MAX_OPCODES; count++) {
      const opcode = this.#byte()
      if (opcode === 0x2e) return this.#last()
      const step = steps[opcode]
      if (!step)
        throw this.#wrong(
          'the opcodes of a state_dict',
          `opcode 0x${opcode.toString(16).padStart(2, '0')} at byte ${this.#at - 1}`
        )
      step(this)
    }
    throw this.#wrong(`at most ${MAX_OPCODES} opcodes`, 'more')
  }

  #last(): PickleValue {
    const [value] = this.#stack
    if (this.#stack.length !== 1 || this.#marks.length > 0 || value === undefined || this.#at !== this.#bytes.length)
      throw this.#wrong('one value and the end', 'more')
    return value
  }

  #wrong(what: string, found: string): GatecellError {
    const remedy = 'the file is damaged, or save only model.state_dict() with torch.save'
    return expected('ERR_FILE_FORMAT', `${what} in the pickle of ${this.#options.where}`, found, remedy)
  }

  #take(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) throw this.#wrong(`${length} bytes at byte ${at}`, 'the end')
    this.#at += length
    return at
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!
  }

  #spend(bytes: number): void {
    this.#taken += bytes
    if (this.#taken > MAX_MEMORY) throw this.#wrong(`values of at most ${MAX_MEMORY} bytes`, 'more')
  }

  push(value: PickleValue): void {
    this.#spend(ITEM_BYTES + (typeof value === 'object' ? 0 : NUMBER_BYTES))
    this.#stack.push(value)
  }

  #pop(): PickleValue {
    const floor = this.#marks.at(-1) ?? 0
    if (this.#stack.length <= floor) throw this.#wrong(`a value before byte ${this.#at}`, 'none')
    return this.#stack.pop()!
  }

  protocol(): void {
    const version = this.#byte()
    if (version !== 2) throw this.#wrong('protocol 2', `protocol ${version}`)
  }

  mark(): void {
    if (this.#marks.length >= 64) throw this.#wrong('at most 64 marks', 'more')
    this.#marks.push(this.#stack.length)
  }

  #sinceMark(): PickleValue[] {
    const height = this.#marks.pop()
    if (height === undefined) throw this.#wrong(`a mark before byte ${this.#at}`, 'none')
    return this.#stack.splice(height)
  }

  container(kind: 'list' | 'tuple' | 'dict', items: PickleValue[] = []): void {
    this.#spend(OBJECT_BYTES + ITEM_BYTES * items.length)
    this.push({ kind, items })
  }

  tupleSinceMark(): void {
    this.container('tuple', this.#sinceMark())
  }

  tupleOf(count: 1 | 2 | 3): void {
    const items = Array.from({ length: count }, () => this.#pop()).reverse()
    this.container('tuple', items)
  }

  #line(): string {
    const end = this.#bytes.subarray(this.#at, this.#at + MAX_NAME).indexOf(0x0a)
    const text = end < 0 ? '' : Buffer.from(this.#bytes.subarray(this.#at, this.#at + end)).toString('latin1')
    if (!/^[\w.]+$/.test(text)) throw this.#wrong(`a name at byte ${this.#at}`, 'other bytes')
    this.#at += end + 1
    return text
  }

  global(): void {
    const name = `${this.#line()}.${this.#line()}`
    if (!this.#options.names.has(name)) throw this.#options.refuse(name)
    this.#spend(OBJECT_BYTES)
    this.push({ kind: 'global', name })
  }

  /** Keeps the last value under a number; Python numbers them in order. */
  put(wide: boolean): void {
    const place = wide ? this.#view.getUint32(this.#take(4), true) : this.#byte()
    const value = this.#stack.at(-1)
    if (value === undefined || place > this.#memo.length)
      throw this.#wrong('numbered values in order', `the number ${place}`)
    this.#spend(ITEM_BYTES)
    this.#memo[place] = value
  }

  get(wide: boolean): void {
    const place = wide ? this.#view.getUint32(this.#take(4), true) : this.#byte()
    const value = this.#memo[place]
    if (value === undefined) throw this.#wrong('the number of a value before', `${place}`)
    this.push(value)
  }

  text(): void {
    const length = this.#view.getUint32(this.#take(4), true)
    const at = this.#take(length)
    // A letter of one byte takes two in a text that has others.
    this.#spend(TEXT_BYTES + 2 * length)
    try {
      this.push(decoder.decode(this.#bytes.subarray(at, at + length)))
    } catch {
      throw this.#wrong(`UTF-8 at byte ${at}`, 'other bytes')
    }
  }

  integer(bytes: 1 | 2 | 4): void {
    const at = this.#take(bytes)
    if (bytes === 1) this.push(this.#view.getUint8(at))
    else this.push(bytes === 2 ? this.#view.getUint16(at, true) : this.#view.getInt32(at, true))
  }

  long(): void {
    const length = this.#byte()
    if (length > 8) throw this.#wrong('integers of at most 8 bytes', `${length} bytes`)
    const at = this.#take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i]!)
    const signed = BigInt.asIntN(8 * length, value)
    this.push(Number.isSafeInteger(Number(signed)) ? Number(signed) : signed)
  }

  float(): void {
    this.push(this.#view.getFloat64(this.#take(8), false))
  }

  reference(): void {
    this.#spend(OBJECT_BYTES)
    this.push({ kind: 'reference', id: this.#pop() })
  }

  reduce(): void {
    const [args, called] = [this.#pop(), this.#pop()]
    if (!isKind(called, 'global') || !isKind(args, 'tuple'))
      throw this.#wrong(`a call at byte ${this.#at - 1}`, 'other values')
    this.#spend(OBJECT_BYTES)
    this.push({ kind: 'call', name: called.name, args: args.items, items: [] })
  }

  /** Takes the attributes of an object, which describe nothing that is read. */
  build(): void {
    this.#pop()
    if (!isKind(this.#stack.at(-1) ?? null, 'call'))
      throw this.#wrong(`an object at byte ${this.#at - 1}`, 'another value')
  }

  setItems(items: PickleValue[]): void {
    const target = this.#stack.at(-1) ?? null
    if ((!isKind(target, 'dict') && !isKind(target, 'call')) || items.length % 2 !== 0)
      throw this.#wrong(`a dictionary at byte ${this.#at - 1}`, 'other values')
    this.#add(target.items, items)
  }

  #add(list: PickleValue[], items: readonly PickleValue[]): void {
    this.#spend((list.length === 0 ? FIRST_ITEM_BYTES : 0) + ITEM_BYTES * items.length)
    for (const item of items) list.push(item)
  }

  append(items: PickleValue[]): void {
    const target = this.#stack.at(-1) ?? null
    if (!isKind(target, 'list')) throw this.#wrong(`a list at byte ${this.#at - 1}`, 'another value')
    this.#add(target.items, items)
  }

  setItem(): void {
    const [value, key] = [this.#pop(), this.#pop()]
    this.setItems([key, value])
  }

  setItemsSinceMark(): void {
    this.setItems(this.#sinceMark())
  }

  appendOne(): void {
    this.append([this.#pop()])
  }

  appendSinceMark(): void {
    this.append(this.#sinceMark())
  }
}

/** The opcodes of a state_dict, by their bytes (pickletools.opcodes). */
const steps: Readonly<Record<number, (reader: PickleReader) => void>> = {
  0x80: (reader) => reader.protocol(),
  0x7d: (reader) => reader.container('dict'),
  0x5d: (reader) => reader.container('list'),
  0x29: (reader) => reader.container('tuple'),
  0x28: (reader) => reader.mark(),
  0x74: (reader) => reader.tupleSinceMark(),
  0x85: (reader) => reader.tupleOf(1),
  0x86: (reader) => reader.tupleOf(2),
  0x87: (reader) => reader.tupleOf(3),
  0x63: (reader) => reader.global(),
  0x71: (reader) => reader.put(false),
  0x72: (reader) => reader.put(true),
  0x68: (reader) => reader.get(false),
  0x6a: (reader) => reader.get(true),
  0x58: (reader) => reader.text(),
  0x4a: (reader) => reader.integer(4),
  0x4b: (reader) => reader.integer(1),
  0x4d: (reader) => reader.integer(2),
  0x8a: (reader) => reader.long(),
  0x47: (reader) => reader.float(),
  0x4e: (reader) => reader.push(null),
  0x88: (reader) => reader.push(true),
  0x89: (reader) => reader.push(false),
  0x51: (reader) => reader.reference(),
  0x52: (reader) => reader.reduce(),
  0x62: (reader) => reader.build(),
  0x73: (reader) => reader.setItem(),
  0x75: (reader) => reader.setItemsSinceMark(),
  0x61: (reader) => reader.appendOne(),
  0x65: (reader) => reader.appendSinceMark()
}
