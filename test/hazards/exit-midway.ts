// Leaves while a training step runs, in the way the first argument names.
import { textModel } from '../text-model.js'

const plan = textModel({ hidden: 256, layers: 2 }).plan({ length: 64, batch: 32 }, { optimizer: 'adam' })
const running = plan.run('train')
const how = process.argv[2]
if (how === 'exit') process.exit(0)
if (how === 'throw') throw new Error('on purpose')
await running
