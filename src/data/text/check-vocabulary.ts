// The check of vocabularies that callers pass: those of this library are used as they are, those of callers through checked copies.

import { callback, checkObject, choice, integer, integers, list, string, type Check } from '../../check/index.js'
import { specialToken } from './special-tokens.js'
import { vocabularyKinds } from './vocabulary-types.js'
import type { Decoder, Encoder, Vocabulary, VocabularyConfig } from './vocabulary-types.js'

const MAX_ID = 2 ** 31 - 1

/** The vocabularies that this library made. They are frozen, so that nobody can change what was checked. */
const made = new WeakSet<object>()

/** Freezes and returns a vocabulary of this library, which `checkVocabulary` then takes as it is. */
export function ownVocabulary<V extends Vocabulary>(vocabulary: V): V {
  made.add(Object.freeze(vocabulary))
  return vocabulary
}

const id = integer(0, MAX_ID)
const count = integer(0, MAX_ID)
const ids = integers(0)
const kind = choice(...vocabularyKinds)
const size = integer(1, MAX_ID)
const unknownId = integer(-1, MAX_ID)
const special = list(specialToken)
const config: Check<VocabularyConfig> = (value, name) => (checkObject(value, name), value as VocabularyConfig)
const decoderObject: Check<Decoder> = (value, name) => (checkObject(value, name), value as unknown as Decoder)
const encoderObject: Check<Encoder> = (value, name) => (checkObject(value, name), value as unknown as Encoder)

/**
 * Checks that a value is a vocabulary. Returns one of this library as it is. Of one that a caller made it returns a copy: its properties and
 * methods were read once, and every result of a method is checked. Throws ERR_INVALID_ARGUMENT, also later from a method of the copy.
 */
export const checkVocabulary: Check<Vocabulary> = (value, name) => {
  checkObject(value, name)
  return made.has(value) ? (value as unknown as Vocabulary) : checkedCopy(value as unknown as Vocabulary, name)
}

function checkedCopy(value: Vocabulary, name: string): Vocabulary {
  const method = methodsOf(value, name)
  const idOf = method('idOf', id)
  const encode = method('encode', ids)
  const decode = method('decode', string)
  const symbol = method('symbol', string)
  const decoder = method('decoder', decoderObject)
  const encoder = method('encoder', encoderObject)
  return Object.freeze({
    kind: kind(value.kind, `${name}.kind`),
    size: size(value.size, `${name}.size`),
    unknownId: unknownId(value.unknownId, `${name}.unknownId`),
    special: special(value.special, `${name}.special`),
    config: config(value.config, `${name}.config`),
    idOf: (token) => idOf(token),
    encode: (text, remedy) => encode(text, remedy),
    decode: (list, options) => decode(list, options),
    symbol: (one) => symbol(one),
    decoder: (options) => checkedDecoder(decoder(options), `the decoder of ${name}`),
    encoder: () => checkedEncoder(encoder(), `the encoder of ${name}`)
  } satisfies Vocabulary)
}

function checkedDecoder(value: Decoder, name: string): Decoder {
  const method = methodsOf(value, name)
  const write = method('write', string)
  const end = method('end', string)
  return { write: (one) => write(one), end: () => end() }
}

function checkedEncoder(value: Encoder, name: string): Encoder {
  const method = methodsOf(value, name)
  const room = method('room', count)
  const write = method('write', count)
  const end = method('end', count)
  return { room: (bytes) => room(bytes), write: (bytes, into) => write(bytes, into), end: (into) => end(into) }
}

/** Returns a function that reads a method of `value` once and returns it with a check of its results. */
function methodsOf<O extends object>(value: O, name: string) {
  return <R>(key: keyof O & string, check: Check<R>) => {
    const method = callback()(value[key], `${name}.${key}`)
    return (...words: unknown[]): R => check(Reflect.apply(method, value, words), `the result of ${name}.${key}`)
  }
}
