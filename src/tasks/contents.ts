// Contents of an input: texts of files that a command line names, or texts that a request holds.

import { readWholeText } from '../data/files/whole-text.js'
import { expected } from '../errors.js'
import type { Content } from '../settings/index.js'

/** Returns the name of a content for messages. */
export function contentName(content: Content): string {
  return 'path' in content ? content.path : content.name
}

/**
 * Returns the text of a content. Throws the errors of `readWholeText`, and throws ERR_FILE_FORMAT if a text that a request holds has more
 * than `maxBytes` bytes of UTF-8.
 */
export async function readContent(
  content: Content,
  options: { maxBytes: number; signal: AbortSignal }
): Promise<string> {
  if ('path' in content) return await readWholeText(content.path, options)
  const { name, text } = content
  if (Buffer.byteLength(text) <= options.maxBytes) return text
  throw expected('ERR_FILE_FORMAT', `at most ${options.maxBytes} bytes in ${name}`, 'more', 'send a smaller content')
}
