// Conditions on the fields of samples: `writer=26-30`, `font=EMSFelix,EMSElfin`, `comment:2=26-30` (the second word of it).

import type { Ink } from './strokes.js'
import { expected } from '../../errors.js'

const PATTERN = /^([^=:]+)(?::([1-9]\d{0,3}))?=(.+)$/

/** Returns a test of samples. Throws ERR_INVALID_OPTION if the condition is invalid. */
export function parseFilter(condition: string): (ink: Ink) => boolean {
  const [, name, word, values] = PATTERN.exec(condition) ?? []
  if (name === undefined) {
    throw expected(
      'ERR_INVALID_OPTION',
      'a condition such as writer=26-30 or comment:2=26-30',
      `"${condition}"`,
      'name a field and its values'
    )
  }
  const tests = values!.split(',').map(testOf)
  return ({ fields }) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    const value = word === undefined ? field : field?.trim().split(/\s+/)[Number(word) - 1]
    return value !== undefined && tests.some((test) => test(value))
  }
}

function testOf(values: string): (value: string) => boolean {
  const [, from, to] = /^(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)$/.exec(values.trim()) ?? []
  if (from === undefined) return (value) => value === values.trim()
  return (value) => value !== '' && Number(value) >= Number(from) && Number(value) <= Number(to)
}
