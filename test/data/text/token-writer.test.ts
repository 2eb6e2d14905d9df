// Ids that are written piece by piece: in memory as long as they fit, then in a file, with the same ids from both.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tokenWriter } from '../../../src/data/text/token-writer.js'
import { createRandom } from '../../../src/random.js'

const random = createRandom(1, 'ids')

for (const size of [200, 60_000, 2 ** 20]) {
  t.test(`a vocabulary of ${size}`, async (t) => {
    const folder = t.testdir({})
    const ids = Int32Array.from({ length: 300_000 }, () => random.below(size))
    const width = size <= 256 ? 1 : size <= 65_536 ? 2 : 4
    const cases: [expected: number | null, memoryBytes: number, cached: boolean][] = [
      [ids.length, ids.length * width, false],
      [ids.length, ids.length * width - 1, true],
      [null, ids.length * width, false],
      [null, ids.length * width - 1, true],
      [null, 1e9, false],
      [null, 0, true]
    ]
    for (const [expected, memoryBytes, cached] of cases) {
      const writer = tokenWriter({ size, expected, memoryBytes, folder })
      for (let at = 0; at < ids.length;) {
        const count = Math.min(ids.length - at, random.below(20_000))
        await writer.append(ids.subarray(at, at + count), count)
        at += count
      }
      t.equal(writer.length, ids.length)
      t.equal(writer.cached, cached, `${String(expected)} expected, ${memoryBytes} bytes`)
      const read = new Int32Array(ids.length)
      writer.tokens().read(0, ids.length, read)
      t.ok(Buffer.from(read.buffer).equals(Buffer.from(ids.buffer)))
      const part = new Int32Array(5)
      writer.tokens().slice(70_000, 80_000).read(10, 3, part, 1)
      t.strictSame([...part], [0, ...ids.subarray(70_010, 70_013), 0])
      writer.close()
      if (cached && process.platform !== 'win32') t.strictSame(readdirSync(folder), [])
    }
  })
}

t.test('a folder that does not exist', async (t) => {
  const folder = join(t.testdir({}), 'missing')
  t.throws(() => tokenWriter({ size: 10, expected: null, memoryBytes: 0, folder }), { code: 'ERR_FILE_WRITE' })
  const writer = tokenWriter({ size: 10, expected: null, memoryBytes: 4, folder })
  await t.rejects(writer.append(new Int32Array(5), 5), { code: 'ERR_FILE_WRITE' })
})
