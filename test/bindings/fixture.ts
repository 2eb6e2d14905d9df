// A small real plan for the tests of the addon's border: y[rows, 64] = x[rows, 64] w[64, 64]^T + b, straight through
// the exports of src/native.ts.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createControl } from '../../src/graph/control.js'
import { native, type PlanHandle, type StoreHandle } from '../../src/native.js'

export const width = 64

/** A view of a SharedArrayBuffer that begins at a multiple of 64 bytes, as arenas do. */
export function shared<T>(
  type: new (buffer: SharedArrayBuffer, offset: number, length: number) => T,
  bytes: number,
  length: number
): T {
  const buffer = new SharedArrayBuffer(length * bytes + 64)
  const offset = (64 - native().alignment(new Uint8Array(buffer))) % 64
  return new type(buffer, offset, length)
}

export const floats = (length: number): Float32Array => shared(Float32Array, 4, length)
export const doubles = (length: number): Float64Array => shared(Float64Array, 8, length)

export type PlanDescription = Parameters<ReturnType<typeof native>['planCreate']>[0]

export interface Fixture {
  store: StoreHandle
  weights: Float32Array
  host: Float32Array
  control: Float64Array
  description: PlanDescription
}

export function linearStore(): { store: StoreHandle; weights: Float32Array } {
  const weights = floats(width * width + width).fill(0.5)
  const params = new Float64Array([0, 2, width, width, width * width, 1, width, 1])
  return { store: native().storeCreate(params, weights, null, null, null), weights }
}

export function linearDescription(rows: number): Fixture {
  const { store, weights } = linearStore()
  const host = floats(2 * rows * width).fill(1)
  const control = createControl().values
  const tensors = new Int32Array([
    ...[0, 1, 0, 2, rows, width, 1, 1], // x
    ...[0, 2, 0, 2, width, width, 1, 1], // w
    ...[0, 2, 1, 1, width, 1, 1, 1], // b
    ...[0, 1, rows * width, 2, rows, width, 1, 1] // y
  ])
  const ops = new Int32Array([3, 3, 1, 0, 0, 1, 2, 3])
  const empty = new Int32Array(0)
  const attributes = new Float64Array(0)
  const description = {
    store,
    tensors,
    ops,
    attributes,
    carry: empty,
    gradients: empty,
    onlyGradients: 0,
    loss: -1,
    optimizer: 0,
    host,
    control,
    threads: 0,
    precision: 0,
    device: 0
  }
  return { store, weights, host, control, description }
}

export function linearPlan(rows: number): Fixture & { plan: PlanHandle } {
  const fixture = linearDescription(rows)
  return { ...fixture, plan: native().planCreate(fixture.description) }
}

/** A loop that records these tensors, as planGenerate takes it. */
export const loopOf = (records: readonly number[]): Int32Array =>
  Int32Array.of(-1, -1, -1, 0, records.length, ...records)

/** A full garbage collection, and a turn of the event loop for the finalizers. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  await new Promise((done) => setImmediate(done))
}

/** The `code` of what the call throws; undefined where it throws nothing. */
export function thrownCode(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return undefined
}
