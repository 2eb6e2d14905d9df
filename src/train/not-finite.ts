// Search for the cause of a loss or gradient that is not finite: NaN or infinite values in a batch.

/** Returns a sentence part that names the first value of `inputs` that is not finite and its position; null if there is none. */
export function findNotFinite(
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  shapes: Readonly<Record<string, readonly number[]>>
): string | null {
  for (const [name, values] of Object.entries(inputs)) {
    for (let i = 0; i < values.length; i++) {
      if (Number.isFinite(values[i])) continue
      return `${String(values[i])} in the input "${name}" at [${position(i, shapes[name] ?? [values.length]).join(', ')}]`
    }
  }
  return null
}

function position(index: number, shape: readonly number[]): number[] {
  const at: number[] = []
  for (let rest = index, i = shape.length - 1; i >= 0; i--) {
    at.unshift(rest % shape[i]!)
    rest = Math.floor(rest / shape[i]!)
  }
  return at
}
