// A small character model with dropout and carried states, and a text for it.
import { createBatches } from '../../src/data/batching/windows.js'
import { tokensOf } from '../../src/data/text/tokens.js'
import { crossEntropy } from '../../src/graph/ops/index.js'
import type { Device } from '../../src/graph/opcodes.js'
import { dropout } from '../../src/layers/dropout.js'
import { embedding } from '../../src/layers/embedding.js'
import { linear } from '../../src/layers/linear.js'
import { lstm } from '../../src/layers/lstm.js'
import { defineModel, i32 } from '../../src/model.js'
import { tokenSource } from '../../src/data/batching/sources.js'

const VOCABULARY = 7

export function textFixture(device: Device) {
  const model = defineModel(
    {
      name: 'small',
      config: {},
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward({ tokens }) {
        const x = embedding(tokens, { name: 'embedding', vocabulary: VOCABULARY, size: 6 })
        const { output } = lstm(x, { name: 'lstm', hidden: 10, layers: 2, dropout: 0.2, carry: true })
        return { logits: linear(dropout(output, { p: 0.1 }), { name: 'head', size: VOCABULARY }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    },
    { device, seed: 2 }
  )
  const ids = Int32Array.from({ length: 200 }, (_, i) => (i * i + 3 * i) % VOCABULARY)
  return { model, source: tokenSource(createBatches(tokensOf(ids), { batch: 3, length: 4 })) }
}
