// ONNX Runtime as a server in the framework of ours, with the same model: one request after the other, and padded batches.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageInfo } from '../../native.js'
import type { Model } from '../../model.js'
import { SERVED_SYMBOLS } from '../load/served-model.js'
import { startServerProcess, type ServerProcess } from '../load/server-process.js'
import type { Stack } from '../workloads/networks.js'
import { servedOnnx } from './onnx-served.js'

/** A way in which the rival answers requests. */
export interface RivalWay {
  readonly note: string
  /** Rows of a batch. */
  readonly most: number
  /** Milliseconds that the first request of a batch waits for others. */
  readonly window: number
  readonly threads: number
}

/** The ways that are measured: the best of them counts. */
export const rivalWays: readonly RivalWay[] = [
  { note: 'one by one', most: 1, window: 0, threads: 1 },
  { note: 'padded batches, 5 ms', most: 64, window: 5, threads: 1 },
  { note: 'padded batches, 5 ms, 2 threads', most: 64, window: 5, threads: 2 }
]

/** Writes the model for the rival into a file. */
export async function writeServedOnnx(path: string, stack: Stack, { parameters }: Pick<Model, 'parameters'>) {
  await writeFile(
    path,
    servedOnnx(stack, (name) => parameters.get(name))
  )
}

/** Starts the rival as a server of the model in a file. Throws ERR_UNSUPPORTED if it does not start. */
export async function startRivalServer(model: string, { H, layers }: Stack, way: RivalWay): Promise<ServerProcess> {
  const program = join(packageInfo().root, 'bench', 'rivals', 'onnx_server.mjs')
  const settings = { ...way, model, layers, hidden: H, symbols: SERVED_SYMBOLS }
  return await startServerProcess([program, JSON.stringify(settings)])
}
