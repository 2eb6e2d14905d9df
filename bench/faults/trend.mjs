// The trend of a noisy series: its slope with an interval, so that a run that is too short to show a leak is not taken for a proof of its absence.

/** Two-sided 95 % quantiles of Student's t by degrees of freedom. */
const STUDENT = [Infinity, 12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13]
const BLOCKS = 12

/**
 * Returns the slope of `points`, pairs of time and value, per unit of time, with the half width of its 95 % interval. Neighbours depend on each
 * other, so the line is fitted to the medians of 12 blocks of equal length.
 */
export function trendOf(points) {
  const [first, last] = [points[0][0], points.at(-1)[0]]
  const blocks = Array.from({ length: BLOCKS }, () => [])
  for (const [time, value] of points) {
    const block = Math.min(BLOCKS - 1, Math.floor((BLOCKS * (time - first)) / (last - first)))
    blocks[block].push(value)
  }
  const width = (last - first) / BLOCKS
  const medians = blocks.flatMap((values, i) => {
    const sorted = values.sort((a, b) => a - b)
    return sorted.length === 0 ? [] : [[first + (i + 0.5) * width, sorted[sorted.length >> 1]]]
  })
  return lineOf(medians)
}

function lineOf(points) {
  const count = points.length
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / count
  const [x, y] = [mean(points.map(([time]) => time)), mean(points.map(([, value]) => value))]
  const spread = points.reduce((sum, [time]) => sum + (time - x) ** 2, 0)
  const slope = points.reduce((sum, [time, value]) => sum + (time - x) * (value - y), 0) / spread
  const rest = points.reduce((sum, [time, value]) => sum + (value - y - slope * (time - x)) ** 2, 0)
  const error = Math.sqrt(rest / (count - 2) / spread)
  return { mean: y, slope, margin: STUDENT[Math.min(count - 2, STUDENT.length - 1)] * error }
}
