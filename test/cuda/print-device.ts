// Prints the report of the engine about its CUDA library: for absent.test.ts, which runs this in a process of its own.
import { GatecellError } from '../../src/errors.js'
import { backends } from '../../src/machine.js'
import { textFixture } from './text.js'

const { available, reason } = backends().cuda
const { model } = textFixture('auto')
const { device, deviceWhy } = model.plan({ batch: 1, length: 2 }).explain()
let cuda = 'a plan'
try {
  textFixture('cuda').model.plan({ batch: 1, length: 2 })
} catch (error) {
  cuda = error instanceof GatecellError ? `${error.code}: ${error.message}` : String(error)
}
console.log(JSON.stringify({ available, reason, auto: { device, why: deviceWhy }, cuda }))
