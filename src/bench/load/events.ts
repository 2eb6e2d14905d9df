// A reader of server-sent events: from the bytes of an answer, cut anywhere, to the data of its events.

/** Returns the record of a line or event; null for a text that is not JSON. */
export function jsonRecord<R extends object>(text: string): R | null {
  try {
    return JSON.parse(text) as R | null
  } catch {
    return null
  }
}

/** Reads events whose lines end with a line feed. Fields other than data, and comments, are skipped. */
export class EventReader {
  readonly #decoder = new TextDecoder()
  #rest = ''

  /** Returns the data of the events that end within `bytes`. */
  read(bytes: Uint8Array): string[] {
    const parts = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n\n')
    this.#rest = parts.pop()!
    return parts.flatMap((part) => {
      const data = part.split('\n').filter((line) => line.startsWith('data:'))
      return data.length === 0 ? [] : [data.map((line) => line.slice(line[5] === ' ' ? 6 : 5)).join('\n')]
    })
  }
}
