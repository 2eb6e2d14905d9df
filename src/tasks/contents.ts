// Contents of an input: files that a command line names, or texts that a request holds.

import { bytesInMemory, openBytes, type ByteReader } from '../data/files/byte-reader.js'
import { readWholeBytes } from '../data/files/whole-bytes.js'
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

/**
 * Returns the bytes of a content of a binary media type, with its name for messages. The text that a request holds is base64. Throws the errors
 * of `readWholeBytes`, and throws ERR_FILE_FORMAT for more than `maxBytes` bytes and for a text that is not base64.
 */
export async function readBytes(
  content: Content,
  options: { maxBytes: number; signal: AbortSignal }
): Promise<{ bytes: Uint8Array; name: string }> {
  const name = contentName(content)
  if ('path' in content) return { bytes: await readWholeBytes(content.path, options), name }
  const { text } = content
  if (text.length > 4 * Math.ceil(options.maxBytes / 3))
    throw expected('ERR_FILE_FORMAT', `at most ${options.maxBytes} bytes in ${name}`, 'more', 'send a smaller content')
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return { bytes: Buffer.from(text, 'base64'), name }
  throw expected('ERR_FILE_FORMAT', `base64 in ${name}`, 'another text', 'encode the bytes of the file')
}

/**
 * Opens a content of a binary media type, to read parts of it: a file stays on the disk. Throws ERR_FILE_NOT_FOUND for a path that is not a file, and
 * the errors of `readBytes` for a text that a request holds.
 */
export async function openContent(
  content: Content,
  options: { maxBytes: number; signal: AbortSignal }
): Promise<ByteReader> {
  if ('path' in content) return await openBytes(content.path, options.signal)
  const { bytes, name } = await readBytes(content, options)
  return bytesInMemory(bytes, name)
}
