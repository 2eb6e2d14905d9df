// safetensors files on disk: opened and read strictly, written atomically and canonically. A header larger than the file
// or 16 MiB is refused before anything is allocated for it, and so is everything that tensor-header.ts refuses. Hosts are
// little-endian (x86-64, arm64: the engine has no other).

import * as fs from 'node:fs'
import { filled, integer, iterable, record, string, uint8Array } from '../../check/index.js'
import { expected } from '../../errors.js'
import { readError } from '../read-error.js'
import { writeAtomically } from '../atomic.js'
import {
  allocateTensor,
  bytesOf,
  checkTarget,
  quoted,
  readTensor,
  type WritableTensor,
  type SafetensorsHeader,
  type TensorData,
  type TensorInfo
} from './dtypes.js'
import {
  encodeSafetensorsHeader,
  invalidSafetensors,
  parseSafetensorsHeader,
  safetensorsHeaderLength
} from './header.js'

export * from './dtypes.js'
export * from './header.js'

/** An open file whose header was read and checked. */
export interface SafetensorsFile {
  readonly header: SafetensorsHeader
  /**
   * Reads a tensor into `target`, which may be in a SharedArrayBuffer. Throws ERR_INVALID_ARGUMENT for an unknown name or an
   * array of another type, ERR_INVALID_SHAPE for another length.
   */
  readInto(name: string, target: TensorData): Promise<void>
  /** Reads a tensor into a new array; F16, BF16 and 8-bit floats come as their bits. */
  read(name: string): Promise<TensorData>
  /** Reads bytes at a place in the file, all of `target`. */
  readBytes(position: number, target: Uint8Array): Promise<void>
  close(): Promise<void>
}

const position = integer(0)

/** Opens a file and reads its header. Throws ERR_FILE_NOT_FOUND, and ERR_FILE_FORMAT if the header is invalid. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  filled(path, 'the path')
  const handle = await openFile(path)
  try {
    const header = await readHeader(handle, path)
    const readBytes = async (begin: number, target: Uint8Array) => {
      position(begin, 'position')
      uint8Array(target, 'target')
      checkOpen(handle, path)
      await readFully(handle, target, begin, path)
    }
    const readInto = async (name: string, target: TensorData) => {
      string(name, 'name')
      const info = requireTensor(header, name, path)
      checkTarget(info, target)
      await readBytes(header.dataBegin + info.begin, bytesOf(target))
    }
    return {
      header,
      readInto,
      readBytes,
      read: async (name) => {
        string(name, 'name')
        const target = allocateTensor(requireTensor(header, name, path))
        await readInto(name, target)
        return target
      },
      close: () => handle.close()
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Throws ERR_DISPOSED if the file was closed. */
function checkOpen(handle: fs.promises.FileHandle, path: string): void {
  if (handle.fd >= 0) return
  throw expected('ERR_DISPOSED', `an open file ${path}`, 'one that was closed', 'open it again')
}

function requireTensor(header: SafetensorsHeader, name: string, path: string): TensorInfo {
  const info = header.tensors.get(name)
  if (info !== undefined) return info
  throw expected('ERR_INVALID_ARGUMENT', `a tensor of ${path}`, `the name ${quoted(name)}`, 'use a name of its header')
}

async function openFile(path: string): Promise<fs.promises.FileHandle> {
  let handle: fs.promises.FileHandle | undefined
  try {
    // Opening a pipe would wait for its writer: without O_NONBLOCK a wrong name could hang the program.
    handle = await fs.promises.open(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0))
    const found = await handle.stat()
    if (found.isFile()) return handle
  } catch (cause) {
    await handle?.close()
    throw readError(path, cause)
  }
  await handle.close()
  throw expected('ERR_FILE_NOT_FOUND', `a file at ${path}`, 'a folder, device or pipe', 'name a safetensors file')
}

async function readHeader(handle: fs.promises.FileHandle, path: string): Promise<SafetensorsHeader> {
  const fileBytes = (await handle.stat()).size
  const head = new Uint8Array(8)
  if (fileBytes >= 8) await readFully(handle, head, 0, path)
  const json = new Uint8Array(safetensorsHeaderLength(head, fileBytes, path))
  await readFully(handle, json, 8, path)
  return parseSafetensorsHeader(json, fileBytes, path)
}

async function readFully(handle: fs.promises.FileHandle, target: Uint8Array, position: number, path: string) {
  for (let done = 0; done < target.length;) {
    // 1 GiB at a time: one read call takes less than 2 GiB.
    const length = Math.min(target.length - done, 1 << 30)
    const { bytesRead } = await handle.read(target, done, length, position + done)
    if (bytesRead === 0) throw invalidSafetensors(path, `byte ${position + done}`, 'the end of the file')
    done += bytesRead
  }
}

/**
 * Writes a safetensors file atomically, from the arrays without a copy. Throws ERR_FILE_WRITE, and ERR_INVALID_ARGUMENT or
 * ERR_INVALID_SHAPE for invalid tensors.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<WritableTensor>,
  metadata: Readonly<Record<string, string>> = {}
): Promise<void> {
  filled(path, 'the path')
  const header = encodeSafetensorsHeader(
    iterable(readTensor)(tensors, 'the tensors'),
    record(string)(metadata, 'the metadata')
  )
  await writeAtomically(path, async (file) => {
    await file.write(header.bytes)
    for (const tensor of header.tensors) await file.write(bytesOf(tensor.data))
  })
}
