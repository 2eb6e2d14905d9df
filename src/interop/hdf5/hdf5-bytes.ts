// The bytes of an HDF5 file: numbers and texts at any place. Each place is compared with the size of the file, which also bounds the number and the
// bytes of structures, so that a file whose parts refer to each other many times ends in an error.

import { expected, type GatecellError } from '../../errors.js'

/** An address that HDF5 writes for "none". */
export const NO_ADDRESS = Infinity

/** The bytes of a file. */
export class Hdf5Bytes {
  readonly path: string
  readonly size: number
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #steps: number
  #claimed = 0

  constructor(bytes: Uint8Array, path: string) {
    this.path = path
    this.size = bytes.length
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    // Each structure has at least 8 bytes.
    this.#steps = bytes.length / 8 + 64
  }

  /** Returns the ERR_FILE_FORMAT for a damaged file. */
  wrong(what: string, found: string): GatecellError {
    return expected('ERR_FILE_FORMAT', `${what} in ${this.path}`, found, 'the file is damaged, save the model again')
  }

  /** Returns the ERR_UNSUPPORTED for a part of HDF5 that Keras does not write. */
  refuse(what: string, found: string): GatecellError {
    return expected('ERR_UNSUPPORTED', `${what} in ${this.path}`, found, 'save the model with Keras again')
  }

  /** Counts a structure. Throws if the file has too few bytes for all that were read. */
  step(): void {
    if (--this.#steps < 0) throw this.wrong('structures that are there once', 'some that refer to each other')
  }

  /** Counts the bytes of a structure that no other one has. Throws if the file has fewer bytes than all of these. */
  claim(bytes: number): void {
    this.#claimed += bytes
    if (!(this.#claimed <= this.size)) throw this.wrong('structures at different places', 'some at the same')
  }

  /** Returns a place after it was compared with the size of the file. */
  #at(at: number, length: number): number {
    if (at >= 0 && length >= 0 && at + length <= this.size) return at
    throw this.wrong(`${length} bytes at byte ${at}`, `a file of ${this.size} bytes`)
  }

  u8(at: number): number {
    return this.#view.getUint8(this.#at(at, 1))
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#at(at, 2), true)
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#at(at, 4), true)
  }

  /** Returns a size or address of 8 bytes; NO_ADDRESS if all bits are set. */
  u64(at: number): number {
    const value = this.#view.getBigUint64(this.#at(at, 8), true)
    if (value === 0xffff_ffff_ffff_ffffn) return NO_ADDRESS
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
    throw this.wrong(`a size or address at byte ${at}`, `${value}`)
  }

  /** Returns a number of 1, 2, 4 or 8 bytes. */
  number(at: number, width: number): number {
    return width === 1 ? this.u8(at) : width === 2 ? this.u16(at) : width === 4 ? this.u32(at) : this.u64(at)
  }

  /** Returns bytes as a view. */
  part(at: number, length: number): Uint8Array {
    const begin = this.#at(at, length)
    return this.#bytes.subarray(begin, begin + length)
  }

  /** Returns a text of UTF-8 that ends after `length` bytes or at the first zero. */
  text(at: number, length: number): string {
    const part = this.part(at, length)
    const end = part.indexOf(0)
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(end < 0 ? part : part.subarray(0, end))
    } catch {
      throw this.wrong(`a text at byte ${at}`, 'bytes that are not UTF-8')
    }
  }

  /** Counts a structure and compares its first four bytes. */
  signature(at: number, letters: string): void {
    this.step()
    const found = Buffer.from(this.part(at, letters.length)).toString('latin1')
    if (found !== letters) throw this.wrong(`the structure ${letters} at byte ${at}`, JSON.stringify(found))
  }
}
