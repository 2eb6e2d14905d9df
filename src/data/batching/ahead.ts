// Reading ahead: items of an asynchronous iteration that are asked for before they are needed.

/**
 * Yields the items of `from` in order, of which up to `count` are asked for ahead of the reader; 0 asks for none. An error is thrown where
 * its item would be. If the reader leaves, `from` is closed.
 */
export async function* readAhead<T>(from: AsyncGenerator<T>, count: number): AsyncGenerator<T> {
  const coming: Promise<IteratorResult<T>>[] = []
  const ask = () => {
    const next = from.next()
    next.catch(() => {}) // thrown where the item is awaited
    coming.push(next)
  }
  try {
    for (;;) {
      while (coming.length <= count) ask()
      const next = await coming.shift()!
      if (next.done) return
      yield next.value
    }
  } finally {
    await from.return(undefined)
  }
}
