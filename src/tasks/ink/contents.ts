// Samples of ink from the contents of an input.

import { createPace } from '../../data/files/pace.js'
import { parseInk, readInk, usableInk, type ReadInkOptions } from '../../data/ink/read.js'
import type { Ink } from '../../data/ink/strokes.js'
import { expected } from '../../errors.js'
import type { Content } from '../../settings/index.js'
import { contentName } from '../contents.js'

/**
 * Reads the samples of contents, in order: those of files, or those of texts that a request holds. Throws the errors of `readInk`,
 * and throws ERR_CORPUS_EMPTY if there is no sample.
 */
export async function readInkContents(contents: readonly Content[], options: ReadInkOptions): Promise<Ink[]> {
  const paths = contents.flatMap((content) => ('path' in content ? [content.path] : []))
  if (paths.length === contents.length) return await readInk(paths, options)
  const samples: Ink[] = []
  const pace = createPace(options.signal)
  for (const content of contents) {
    if ('path' in content) samples.push(...(await readInk([content.path], options)))
    else
      for (const draft of parseInk(content.text, content.name, options)) {
        const ink = usableInk(draft, options)
        if (ink) samples.push(ink)
        if (pace.due()) await pace.turn()
      }
  }
  if (samples.length > 0) return samples
  throw expected('ERR_CORPUS_EMPTY', `ink in ${contents.map(contentName).join(', ')}`, 'none', 'send strokes')
}
