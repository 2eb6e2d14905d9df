// The largest and the smallest of many values: Math.max(...values) takes them as arguments, and a hundred thousand are more
// than the stack holds.

/** Returns the largest of `values` and `least`. */
export function largest(values: Iterable<number>, least = -Infinity): number {
  let most = least
  for (const value of values) most = Math.max(most, value)
  return most
}

/** Returns the smallest of `values`; Infinity if there are none. */
export function smallest(values: Iterable<number>): number {
  let least = Infinity
  for (const value of values) least = Math.min(least, value)
  return least
}
