// The simplex method of Nelder and Mead (1965) for functions of a few variables without derivatives.

/** Coefficients of reflection, expansion, contraction and shrinkage, as in the paper. */
const [REFLECT, EXPAND, CONTRACT, SHRINK] = [1, 2, 0.5, 0.5]

interface Vertex {
  readonly at: Float64Array
  readonly value: number
}

/**
 * Returns a local minimum of `f` near `start`. `size` is the first step along each axis. The search ends if the values of the simplex differ by less
 * than 1e-10 of their size, or after `limit` calls (default: 400 for each variable). Values that are not finite count as worse than all others.
 */
export function nelderMead(
  f: (at: Float64Array) => number,
  start: readonly number[],
  { size = 0.5, limit = 400 * start.length }: { size?: number; limit?: number } = {}
): { at: Float64Array; value: number } {
  let calls = 0
  const vertex = (at: Float64Array): Vertex => {
    calls++
    const value = f(at)
    return { at, value: Number.isFinite(value) ? value : Number.MAX_VALUE }
  }
  const first = Float64Array.from(start)
  let simplex = [vertex(first), ...start.map((_, i) => vertex(first.map((x, j) => (i === j ? x + size : x))))]
  for (;;) {
    simplex.sort((a, b) => a.value - b.value)
    const [best, worst] = [simplex[0]!, simplex.at(-1)!]
    if (calls >= limit || worst.value - best.value <= 1e-10 * Math.abs(best.value)) return best
    const rest = simplex.slice(0, -1)
    const centre = first.map((_, j) => rest.reduce((sum, { at }) => sum + at[j]!, 0) / rest.length)
    const along = (share: number) => vertex(centre.map((c, j) => c + share * (c - worst.at[j]!)))
    const reflected = along(REFLECT)
    let next: Vertex | undefined = reflected
    if (reflected.value < best.value) {
      const expanded = along(EXPAND)
      if (expanded.value < reflected.value) next = expanded
    } else if (reflected.value >= rest.at(-1)!.value) {
      const contracted = along(reflected.value < worst.value ? CONTRACT : -CONTRACT)
      next = contracted.value < Math.min(reflected.value, worst.value) ? contracted : undefined
    }
    simplex = next
      ? [...rest, next]
      : [best, ...simplex.slice(1).map(({ at }) => vertex(at.map((x, j) => best.at[j]! + SHRINK * (x - best.at[j]!))))]
  }
}
