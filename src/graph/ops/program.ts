// The program of a map: values in order, equal ones shared, and their derivatives by the chain rule. Values 0 to n - 1 are the inputs,
// value n is the gradient of the result; native/include/gatecell/ops.def describes the form in which the core takes it.

import { expected } from '../../errors.js'
import { mapCodes } from '../op-list.js'
import { rules, type MapCode } from './slopes.js'

/** Most values of a program, inputs included; the core refuses more. */
const MAX_VALUES = 256

/** `stop`: the value of its operand, through which no gradient flows. */
interface Instruction {
  readonly code: MapCode | 'stop'
  readonly operands: readonly number[]
  readonly constant: number
}

/** A program under construction. */
export class Program {
  readonly inputs: number
  readonly #instructions: Instruction[] = []
  readonly #known = new Map<string, number>()

  constructor(inputs: number) {
    this.inputs = inputs
  }

  /** The value that is the gradient of the result. */
  get gradient(): number {
    return this.inputs
  }

  #add(code: Instruction['code'], operands: readonly number[], constant: number): number {
    const key = `${code} ${operands.join(' ')} ${Object.is(constant, -0) ? '-0' : constant}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const id = this.inputs + 1 + this.#instructions.length
    if (id >= MAX_VALUES) {
      throw expected(
        'ERR_INVALID_ARGUMENT',
        `an expression of at most ${MAX_VALUES} values, its gradients included, in map`,
        'a larger one',
        'split it into several maps'
      )
    }
    this.#instructions.push({ code, operands, constant })
    this.#known.set(key, id)
    return id
  }

  constant(value: number): number {
    return this.#add('constant', [], value)
  }

  apply(code: MapCode, ...operands: number[]): number {
    return this.#add(code, operands, 0)
  }

  stop(value: number): number {
    return this.#add('stop', [value], 0)
  }

  #constantOf(value: number): number | null {
    const instruction = this.#instructions[value - this.inputs - 1]
    return instruction?.code === 'constant' ? instruction.constant : null
  }

  /** d * slope; 0 if d is 0, also for a slope that is not finite. */
  flow(d: number, slope: number): number {
    const constant = this.#constantOf(slope)
    if (constant === 1) return d
    if (constant === -1) return this.apply('neg', d)
    return this.apply(constant !== null && Number.isFinite(constant) ? 'mul' : 'flow', d, slope)
  }

  /** The gradient of each input with respect to `result` (null: none flows), appended to the program. */
  differentiate(result: number): (number | null)[] {
    const gradients: (number | undefined)[] = []
    gradients[result] = this.gradient
    const count = this.#instructions.length
    for (let i = count - 1; i >= 0; i--) {
      const value = this.inputs + 1 + i
      const d = gradients[value]
      if (d === undefined) continue
      const instruction = this.#instructions[i]!
      const rule = instruction.code === 'stop' ? undefined : rules[instruction.code]
      const [a = -1, b = -1] = instruction.operands
      // No gradient flows into constants, so values of constants only need no rule.
      if (!rule || instruction.operands.every((operand) => this.#constantOf(operand) !== null)) continue
      rule(this, d, value, a, b).forEach((slope, k) => {
        const operand = instruction.operands[k]!
        if (slope === null || this.#constantOf(operand) !== null) return
        const before = gradients[operand]
        gradients[operand] = before === undefined ? slope : this.apply('add', before, slope)
      })
    }
    return Array.from({ length: this.inputs }, (_, input) => gradients[input] ?? null)
  }

  /** The attributes of the op: values that neither the result nor a gradient needs are left out. */
  encode(result: number, gradients: readonly (number | null)[]): number[] {
    const through = (value: number): number => {
      const instruction = this.#instructions[value - this.inputs - 1]
      return instruction?.code === 'stop' ? through(instruction.operands[0]!) : value
    }
    const roots = [result, ...gradients.filter((value) => value !== null)].map(through)
    const live = new Set(roots)
    for (let i = this.#instructions.length - 1; i >= 0; i--) {
      if (!live.has(this.inputs + 1 + i)) continue
      for (const operand of this.#instructions[i]!.operands) live.add(through(operand))
    }
    const ids = new Map<number, number>()
    for (let value = 0; value <= this.inputs; value++) ids.set(value, value)
    const records: number[] = []
    this.#instructions.forEach(({ code, operands, constant }, i) => {
      const value = this.inputs + 1 + i
      if (!live.has(value) || code === 'stop') return
      const [a = 0, b = 0, c = 0] = operands.map((operand) => ids.get(through(operand))!)
      ids.set(value, ids.size)
      records.push(mapCodes[code].code, code === 'constant' ? constant : a, b, c)
    })
    const ofInputs = gradients.map((value) => (value === null ? -1 : ids.get(through(value))!))
    return [records.length / 4, ids.get(through(result))!, ...ofInputs, ...records]
  }
}
