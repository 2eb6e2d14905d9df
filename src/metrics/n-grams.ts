// Counts of n-grams, for the metrics of texts that compare them.

/** Number of occurrences of each n-gram of one order, by its text. */
export type GramCounts = Map<string, number>

/**
 * Counts the n-grams of `order` consecutive items, from 1 on. The text of an n-gram is its items with `separator` between them. Returns an empty map
 * if there are fewer items than `order`.
 */
export function countGrams(items: readonly string[], order: number, separator: string): GramCounts {
  const counts: GramCounts = new Map()
  for (let i = 0; i + order <= items.length; i++) {
    const gram = items.slice(i, i + order).join(separator)
    counts.set(gram, (counts.get(gram) ?? 0) + 1)
  }
  return counts
}
