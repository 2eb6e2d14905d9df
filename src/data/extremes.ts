// The largest and the smallest of many values. Math.max(...values) takes them as arguments, and a hundred thousand exceed the stack.

/** Returns the largest of `values` and `min`. */
export function largest(values: Iterable<number>, min = -Infinity): number {
  let max = min
  for (const value of values) max = Math.max(max, value)
  return max
}

/** Returns the smallest of `values`; Infinity if there are none. */
export function smallest(values: Iterable<number>): number {
  let min = Infinity
  for (const value of values) min = Math.min(min, value)
  return min
}
