// Bounds on the memory that samples of ink take: in proportion to the bytes that were read, and within the heap of the process.

import { getHeapStatistics } from 'node:v8'
import { expected } from '../../errors.js'
import { countPoints, type Ink } from './strokes.js'

/** Bytes that a sample, a stroke and a point take, measured: objects in the heap, and coordinates outside of it. */
const SAMPLE_BYTES = 640
const STROKE_BYTES = 420
const POINT_BYTES = 24

/** Bytes of samples for a byte of a file: above the worst that a file can hold without repeating its ink by references. */
const MOST_FACTOR = 64
const FREE_BYTES = 2 ** 24
/** Share of the heap that samples may take; their later forms need the rest. */
const HEAP_SHARE = 0.5

/** A bound on the memory of samples. */
export interface InkBudget {
  /** Counts bytes that were read. */
  read(bytes: number): void
  /**
   * Counts a sample that is kept. Throws ERR_FILE_FORMAT if the samples take more memory than files of their size can need, and
   * ERR_OUT_OF_MEMORY if they take more than half of the heap.
   */
  keep(ink: Ink, path: string): void
}

/** Returns the budget of one call of `readInk`. */
export function inkBudget(): InkBudget {
  let [allowed, heap, outside] = [FREE_BYTES, 0, 0]
  const most = HEAP_SHARE * getHeapStatistics().heap_size_limit
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`
  return {
    read(bytes) {
      allowed += MOST_FACTOR * bytes
    },
    keep(ink, path) {
      heap += SAMPLE_BYTES + STROKE_BYTES * ink.strokes.length
      outside += POINT_BYTES * countPoints(ink.strokes)
      if (heap + outside > allowed) {
        throw expected(
          'ERR_FILE_FORMAT',
          `samples that share little of their ink in ${path}`,
          `${mebibytes(heap + outside)} of samples`,
          'remove segments or views that repeat others'
        )
      }
      if (heap <= most) return
      throw expected(
        'ERR_OUT_OF_MEMORY',
        `samples that fit into ${mebibytes(most)}, half of the heap,`,
        `more at ${ink.source}`,
        'read fewer files at once, or start Node.js with a larger --max-old-space-size'
      )
    }
  }
}
