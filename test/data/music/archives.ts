// Archives of the data folder for tests, which skip where it is absent.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** Returns the path of a file of the data folder, undefined where it is absent. */
export function dataFile(...parts: string[]): string | undefined {
  const { GATECELL_DATA: folder } = process.env
  const path = folder === undefined || folder === '' ? undefined : join(folder, ...parts)
  return path !== undefined && existsSync(path) ? path : undefined
}

/** The line of a test that needs the data folder. */
export const noData = 'the environment variable GATECELL_DATA does not name a folder with this file'

/** Yields the files of a tar archive (ustar), unpacked if its name ends with gz. */
export function* filesOfTar(path: string): Generator<{ name: string; bytes: Uint8Array }> {
  const packed = readFileSync(path)
  const data = path.endsWith('gz') ? gunzipSync(packed) : packed
  const text = (at: number, length: number) => data.toString('latin1', at, at + length).replace(/\0.*$/s, '')
  for (let at = 0; at + 512 <= data.length && data[at] !== 0;) {
    const size = Number.parseInt(text(at + 124, 12), 8)
    const prefix = text(at + 345, 155)
    const name = (prefix === '' ? '' : `${prefix}/`) + text(at, 100)
    const kind = text(at + 156, 1)
    if (kind === '0' || kind === '') yield { name, bytes: new Uint8Array(data.subarray(at + 512, at + 512 + size)) }
    at += 512 + 512 * Math.ceil(size / 512)
  }
}
