// Functions of Keras outside recurrent layers as nodes of ONNX.

import type { JsonValue } from '../../io/json.js'
import { isJsonObject } from './config.js'
import type { KerasGraph, KerasValue } from './graph.js'

/** Returns the name of a function in a configuration; null for one that Python code defines. */
export function activationName(value: JsonValue): string | null {
  if (value === null) return 'linear'
  if (typeof value === 'string') return value
  return isJsonObject(value) && typeof value['config'] === 'string' ? value['config'] : null
}

type Write = (graph: KerasGraph, name: string, x: string, version: number) => string

const node =
  (type: string): Write =>
  (graph, name, x) =>
    graph.one(type, name, [x])
const lastAxis =
  (type: string): Write =>
  (graph, name, x) =>
    graph.one(type, name, [x], { axis: -1 })

/** Returns relu(x) - relu(x - most), which is x between 0 and `most`. */
function clipped(graph: KerasGraph, name: string, x: string, most: number): string {
  const above = graph.one('Relu', name, [graph.one('Sub', name, [x, graph.number(name, most)])])
  return graph.one('Sub', name, [graph.one('Relu', name, [x]), above])
}

const silu: Write = (graph, name, x) => graph.one('Mul', name, [x, graph.one('Sigmoid', name, [x])])

const writes: Readonly<Record<string, Write>> = {
  linear: (_, __, x) => x,
  relu: node('Relu'),
  sigmoid: node('Sigmoid'),
  tanh: node('Tanh'),
  softmax: lastAxis('Softmax'),
  log_softmax: lastAxis('LogSoftmax'),
  silu,
  swish: silu,
  relu6: (graph, name, x) => clipped(graph, name, x, 6),
  hard_sigmoid(graph, name, x, version) {
    const slope = graph.number(name, version < 3 ? 0.2 : 1 / 6)
    const line = graph.one('Add', name, [graph.one('Mul', name, [x, slope]), graph.number(name, 0.5)])
    return clipped(graph, name, line, 1)
  },
  softsign(graph, name, x) {
    const negative = graph.one('Relu', name, [graph.one('Mul', name, [x, graph.number(name, -1)])])
    const size = graph.one('Add', name, [graph.one('Relu', name, [x]), negative])
    return graph.one('Div', name, [x, graph.one('Add', name, [size, graph.number(name, 1)])])
  }
}

/** Returns the parts of a configuration's function that are not supported, in words. */
export function activationFaults(value: JsonValue | undefined): string[] {
  const name = activationName(value ?? null)
  return name !== null && Object.hasOwn(writes, name) ? [] : [`the activation ${name ?? 'of Python code'}`]
}

/** Adds the nodes of a function. */
export function addActivation(
  graph: KerasGraph,
  layer: string,
  value: JsonValue | undefined,
  x: KerasValue,
  version: number
): KerasValue {
  return { ...x, name: writes[activationName(value ?? null)!]!(graph, layer, x.name, version) }
}
