// Least squares with a small ridge, by the Cholesky decomposition of the normal equations.

/** Ridge as a share of the mean of the diagonal: it decides where columns are equal and changes nothing that can be seen elsewhere. */
const RIDGE = 1e-4

/**
 * Returns x that minimises the squares of A x - b plus a ridge, from `gram`, the lower half of A'A row by row as a square [size * size], and
 * `moments`, A'b [size]. Both are overwritten.
 */
export function solveNormal(gram: Float64Array, moments: Float64Array): Float64Array {
  const size = moments.length
  let trace = 0
  for (let i = 0; i < size; i++) trace += gram[i * size + i]!
  for (let i = 0; i < size; i++) gram[i * size + i]! += (RIDGE * trace) / size + 1e-12
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = gram[i * size + j]!
      for (let k = 0; k < j; k++) sum -= gram[i * size + k]! * gram[j * size + k]!
      gram[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-300)) : sum / gram[j * size + j]!
    }
  }
  for (let i = 0; i < size; i++) {
    let sum = moments[i]!
    for (let k = 0; k < i; k++) sum -= gram[i * size + k]! * moments[k]!
    moments[i] = sum / gram[i * size + i]!
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = moments[i]!
    for (let k = i + 1; k < size; k++) sum -= gram[k * size + i]! * moments[k]!
    moments[i] = sum / gram[i * size + i]!
  }
  return moments
}
