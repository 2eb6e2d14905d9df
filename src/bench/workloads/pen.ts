// pen: a word read as it is written, point by point, through the public reader: resampling, one step of the network, the
// best path or a beam search. The network has random weights; its work does not depend on them, a beam search's little.

import { setImmediate } from 'node:timers/promises'
import { machineInfo } from '../../machine.js'
import { createRandom } from '../../random.js'
import { inkAugmentations } from '../../data/ink/augment.js'
import { readerNetworkDefaults, forwardNormalisation } from '../../tasks/handwriting-recognition/settings.js'
import { createPenReader, recognitionModel, type RecognitionConfig } from '../../tasks/handwriting-recognition/index.js'
import type { Workload } from '../workload.js'
import { summarise } from '../report/stats.js'

/** Symbols, strokes and points of a stroke about as those of a word of English of eight letters. */
const SYMBOLS = 67
const [STROKES, POINTS] = [9, 35]
const BEAMS = [0, 16]

/** The workload pen: the time of each point that a reader takes. */
export const pen: Workload = {
  name: 'pen',
  summary: 'a word read while the pen moves, each point',
  async *run({ seconds }) {
    const symbols = String.fromCodePoint(...Array.from({ length: SYMBOLS }, (_, i) => 48 + i))
    const config: RecognitionConfig = {
      vocabulary: { kind: 'character', symbols, unknown: false },
      network: { ...readerNetworkDefaults, bidirectional: false },
      normalisation: { ...forwardNormalisation, unit: 1 },
      augmentation: inkAugmentations.none,
      split: { valid: 0, where: null }
    }
    const machine = machineInfo()
    using model = recognitionModel(config, { seed: 0, threads: 1 })
    const strokes = scribble()
    for (const beam of BEAMS) {
      const word = () => writeWord(createPenReader(model, config, { beam }), strokes)
      word()
      const times: number[] = []
      const end = performance.now() + 1000 * seconds
      do {
        times.push(...word())
        // A word is read on the caller's thread: the event loop turns after each.
        await setImmediate()
      } while (performance.now() < end)
      const { median, p10, p90, p99, samples } = summarise(times)
      yield {
        workload: 'pen',
        shape: { H: config.network.hidden, layers: config.network.layers, beam, points: STROKES * POINTS },
        threads: 1,
        precision: 'f32',
        isa: machine.isaUsed,
        median_us: median,
        p10_us: p10,
        p90_us: p90,
        p99_us: p99,
        word_us: (times.reduce((sum, time) => sum + time, 0) / samples) * STROKES * POINTS,
        samples
      }
    }
  }
}

/** Microseconds of each point; lifting the pen counts to the last one of its stroke. */
function writeWord(reader: ReturnType<typeof createPenReader>, strokes: [number, number][][]): number[] {
  return strokes.flatMap((stroke) =>
    stroke.map(([x, y], i) => {
      const begin = performance.now()
      reader.down(x, y)
      if (i === stroke.length - 1) reader.up()
      return 1000 * (performance.now() - begin)
    })
  )
}

/** Arcs side by side, points a twentieth of a height apart: about the density of tablets. */
function scribble(): [number, number][][] {
  const random = createRandom(0, 'bench.pen')
  return Array.from({ length: STROKES }, (_, k) => {
    const [turns, phase] = [1 + random.uniform(), 2 * Math.PI * random.uniform()]
    return Array.from({ length: POINTS }, (_, i): [number, number] => {
      const angle = phase + (turns * Math.PI * i) / POINTS
      return [0.5 * k + 0.3 * Math.cos(angle), 0.3 * Math.sin(angle)]
    })
  })
}
