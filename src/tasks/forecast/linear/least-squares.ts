// Linear least squares with a ridge, by the normal equations and Cholesky's factorisation.

/** Sums of products of the columns of a table, of which the last column is the target. */
export interface NormalEquations {
  /** Adds a row: the inputs, then the target. */
  add(row: Float64Array): void
  /**
   * Returns the coefficients that minimise the sum of squared errors plus `ridge` times the sum over the inputs of the squared coefficient times the
   * sum of squares of its input. Returns null if the equations have no single solution.
   */
  solve(ridge: number): Float64Array | null
}

/** Returns the empty equations of `inputs` inputs. */
export function normalEquations(inputs: number): NormalEquations {
  const width = inputs + 1
  const sums = new Float64Array(width * width)
  return {
    add(row) {
      for (let i = 0; i < width; i++) {
        const value = row[i]!
        for (let j = 0; j <= i; j++) sums[i * width + j]! += value * row[j]!
      }
    },
    solve(ridge) {
      const lower = new Float64Array(inputs * inputs)
      for (let i = 0; i < inputs; i++) {
        for (let j = 0; j <= i; j++) {
          let sum = sums[i * width + j]! * (i === j ? 1 + ridge : 1)
          for (let k = 0; k < j; k++) sum -= lower[i * inputs + k]! * lower[j * inputs + k]!
          if (i !== j) lower[i * inputs + j] = sum / lower[j * inputs + j]!
          else if (sum > 1e-14 * sums[i * width + i]!) lower[i * inputs + i] = Math.sqrt(sum)
          else return null
        }
      }
      const solution = new Float64Array(inputs)
      for (let i = 0; i < inputs; i++) {
        let sum = sums[inputs * width + i]!
        for (let k = 0; k < i; k++) sum -= lower[i * inputs + k]! * solution[k]!
        solution[i] = sum / lower[i * inputs + i]!
      }
      for (let i = inputs - 1; i >= 0; i--) {
        let sum = solution[i]!
        for (let k = i + 1; k < inputs; k++) sum -= lower[k * inputs + i]! * solution[k]!
        solution[i] = sum / lower[i * inputs + i]!
      }
      return solution
    }
  }
}
