// Texts up to a stop text: what comes in parts is the text of all tokens, and only what may begin a stop text or a character waits.
import fc from 'fast-check'
import t from 'tap'
import { StopText } from '../../../src/generate/engine/stop-text.js'

/** A vocabulary of bytes. */
const bytes = {
  encode: (text: string) => Int32Array.from(Buffer.from(text)),
  decoder() {
    const decoder = new TextDecoder()
    return { write: (id: number) => decoder.decode(Uint8Array.of(id), { stream: true }), end: () => decoder.decode() }
  }
}

/** Returns the end of `text` that may begin one of `stops`. */
const mayBegin = (text: string, stops: readonly string[]): string => {
  for (let at = 0; at < text.length; at++)
    if (stops.some((stop) => stop.length > text.length - at && stop.startsWith(text.slice(at)))) return text.slice(at)
  return ''
}

t.test('parts are the text before the first stop text, and nothing waits without need', async (t) => {
  const letters = fc.constantFrom('a', 'b', 'é', '😀', '日')
  const text = fc.array(letters, { maxLength: 30 }).map((parts) => parts.join(''))
  const stop = fc.array(letters, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''))
  const broken = fc.array(fc.constantFrom(0x61, 0x62, 0xc3, 0xa9, 0xf0, 0xff), { maxLength: 20 })
  const tokens = fc.oneof(text.map((whole) => [...Buffer.from(whole)]), broken) // prettier-ignore
  const property = fc.property(tokens, fc.array(stop, { maxLength: 3 }), fc.boolean(), (ids, stops, includes) => {
    const made = new StopText(bytes, stops, includes)
    const plain = bytes.decoder()
    let [all, parts] = ['', '']
    for (const id of ids) {
      all += plain.write(id)
      parts += made.write(id)
      const found = stops.filter((one) => all.includes(one))
      if (found.length === 0) {
        if (parts + mayBegin(all, stops) !== all) throw new Error(`${parts} of ${all}`)
        continue
      }
      const at = Math.min(...found.map((one) => all.indexOf(one)))
      const longest = Math.max(...found.filter((one) => all.indexOf(one) === at).map(({ length }) => length))
      const wanted = all.slice(0, at + (includes ? longest : 0))
      if (parts !== wanted || made.stopped !== all.slice(at, at + longest)) throw new Error(`${parts}, not ${wanted}`)
      return
    }
    const end = plain.end()
    if (!stops.some((one) => (all + end).includes(one)) && parts + made.end() !== all + end)
      throw new Error(`${parts} of ${all + end}`)
  })
  fc.assert(property, { numRuns: 3000 })
  t.pass()
})

t.test('without a vocabulary there is no text', async (t) => {
  const made = new StopText(undefined, [], false)
  t.equal(made.write(3) + made.end(), '')
})
