// The counted operations and bytes of a workload: compared with the definitions written out, and with sums over single products.
import t from 'tap'
import {
  TRANSLATION_SYMBOLS,
  foldedTrainCharFlops,
  layerFlops,
  layersBytes,
  layersFlops,
  outputFlops,
  recurrentBytes,
  sampleBytes,
  trainCharFlops,
  trainTranslationFlops
} from '../../src/bench/workloads/amounts.js'

t.test('a layer is eight products of each input and each state', async (t) => {
  t.equal(layerFlops(1, 1, 1), 2 * 4 * 1 * 2)
  t.equal(layerFlops(10, 3, 5), 10 * 2 * 4 * 5 * 8)
  t.equal(layersFlops({ B: 32, T: 64, H: 256, layers: 1 }), 2 * 4 * 256 * 512 * 64 * 32)
  t.equal(layersFlops({ B: 2, T: 3, H: 8, layers: 4 }), 4 * layersFlops({ B: 2, T: 3, H: 8, layers: 1 }))
})

t.test('train-char is three passes over two layers and the head', async (t) => {
  for (const [B, T, H] of [
    [64, 64, 128],
    [64, 64, 512],
    [32, 64, 1024]
  ] as const) {
    const expected = 3 * B * T * (2 * (2 * 4 * H * (H + H)) + 2 * H * 65)
    t.equal(trainCharFlops({ B, T, H, layers: 2 }), expected, `H ${H}`)
  }
  t.equal(trainCharFlops({ B: 64, T: 64, H: 128, layers: 2 }), 6_646_923_264)
})

t.test('folding the embedding leaves one input product for each symbol', async (t) => {
  const sizes = { B: 64, T: 64, H: 128, layers: 2 }
  const once = 3 * 2 * 4 * 128 * 128
  t.equal(trainCharFlops(sizes) - foldedTrainCharFlops(sizes), (64 * 64 - 65) * once)
  const few = { B: 2, T: 3, H: 16, layers: 2 }
  t.equal(foldedTrainCharFlops(few), trainCharFlops(few), 'never more than there are tokens')
})

t.test('train-translation is three passes over its products', async (t) => {
  const product = (rows: number, inputs: number, outputs: number) => 2 * rows * inputs * outputs
  for (const [B, T, H] of [
    [64, 16, 512],
    [3, 5, 8]
  ] as const) {
    const N = B * T
    const E = H / 2
    const products = [
      2 * product(N, E + H / 2, 4 * (H / 2)), // both directions of the encoder
      2 * product(B, 2 * H, H), // the first state of the decoder
      product(N, E + H, 4 * H),
      product(N, H, H), // queries
      B * product(T, H, T), // scores
      B * product(T, T, H), // contexts
      product(N, 2 * H + H, 4 * H),
      product(N, 2 * H, E),
      product(N, E, TRANSLATION_SYMBOLS)
    ]
    t.equal(trainTranslationFlops({ B, T, H }), 3 * products.reduce((sum, flops) => sum + flops), `H ${H}`)
    t.equal(outputFlops({ B, T, H }), products.at(-1))
  }
})

t.test('bytes of the weights by precision', async (t) => {
  t.equal(layersBytes({ H: 256, layers: 1 }, 'f32'), 2 * 2 ** 20)
  t.equal(layersBytes({ H: 256, layers: 2 }, 'bf16'), 2 * 2 ** 20)
  t.equal(layersBytes({ H: 512, layers: 1 }, 'int8'), 2 * 2 ** 20)
  t.equal(recurrentBytes({ H: 512 }, 'f32'), 4 * 2 ** 20)
  const whole = sampleBytes({ H: 512, layers: 2 }, 'f32', false)
  t.equal(whole, 16 * 2 ** 20 + 65 * 512 * 4)
  t.equal(sampleBytes({ H: 512, layers: 2 }, 'f32', true), whole - 4 * 2 ** 20 + 4 * 512 * 4)
})
