// A worker that trains and samples until it is ended.
import { parentPort } from 'node:worker_threads'
import { createTrainer } from '../../src/index.js'
import { noise, textModel, trainingData } from '../text-model.js'

const model = textModel({ hidden: 64, layers: 2, dropout: 0.1 }, { threads: 2 })
const copy = model.clone()
const stream = copy.stream({ temperature: 1 })
stream.feed([1, 2, 3])
const trainer = createTrainer(model, trainingData(noise(2000), 16, 16), { reportEvery: 1 })
trainer.on('report', ({ step }) => {
  stream.sample(3)
  if (step === 2) parentPort!.postMessage('running')
})
void trainer.fit()
