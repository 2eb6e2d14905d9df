// Tar archives of data sets, unpacked for recipes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Yields the files of a tar archive (ustar). */
export function* filesOfTar(data) {
  const text = (at, length) => data.toString('latin1', at, at + length).replace(/\0.*$/s, '')
  for (let at = 0; at + 512 <= data.length && data[at] !== 0;) {
    const size = Number.parseInt(text(at + 124, 12), 8)
    const kind = text(at + 156, 1)
    if (kind === '0' || kind === '') yield { name: text(at, 100), bytes: data.subarray(at + 512, at + 512 + size) }
    at += 512 + 512 * Math.ceil(size / 512)
  }
}

/** Writes the files of an archive whose names end with `ending` into a folder. Returns the folder. */
export function unpackTar(data, ending, folder) {
  for (const { name, bytes } of filesOfTar(data)) {
    if (!name.endsWith(ending)) continue
    const path = join(folder, name)
    if (relative(folder, path).startsWith('..'))
      throw new Error(`Expected a file within the archive but found ${name}.`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, bytes)
  }
  return folder
}
