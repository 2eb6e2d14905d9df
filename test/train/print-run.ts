// Trains a few steps with the number of threads in its argument; prints the instruction set and a hash of all state.
import { createHash } from 'node:crypto'
import { createTrainer, machineInfo } from '../../src/index.js'
import { noise, textModel, trainingData } from '../text-model.js'

const model = textModel(
  { hidden: 40, layers: 2, dropout: 0.25, variational: true },
  { seed: 2, threads: Number(process.argv[2]) }
)
const trainer = createTrainer(model, trainingData(noise(800), 8, 16), { steps: 12, optimizer: { kind: 'adamw' } })
await trainer.fit()
const { weights, moment1 = [], moment2 = [], state = [] } = trainer.snapshot()
const hash = createHash('sha256')
for (const { data } of [...weights, ...moment1, ...moment2, ...state])
  hash.update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
console.log(machineInfo().isaUsed, hash.digest('hex'))
