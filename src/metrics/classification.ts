// Metrics of classifiers, which compare the class of the largest logit with a target.

import { integer, optional, options as optionsOf, string } from '../check/index.js'
import { expected } from '../errors.js'
import type { Metric, MetricBatch } from './metric.js'

/** Options of the metrics of classifiers: the tensors that they compare. */
export interface ClassificationOptions {
  /** Name of the model's output of shape [..., classes]. Default 'logits'. */
  logits?: string
  /** Name of the int32 target or input with the shape of the logits without the last dimension. Default 'targets'. */
  targets?: string
  /** Target, an int32, that is not counted. Default -1. */
  ignore?: number
}

const fields = {
  logits: optional(string),
  targets: optional(string),
  ignore: optional(integer(-(2 ** 31), 2 ** 31 - 1))
}
const readOptions = optionsOf<ClassificationOptions>(fields)

/**
 * Returns the share, 0 to 1, of the counted targets whose logit is the largest; of equal logits the first one counts.
 * @example
 * const { metrics } = await evaluate(model, data, { metrics: { accuracy: accuracy() } })
 */
export function accuracy(options: ClassificationOptions = {}): Metric {
  const names = readOptions(options, 'the options of accuracy')
  return {
    outputs: [names.logits ?? 'logits'],
    better: 'higher',
    begin() {
      let [right, count] = [0, 0]
      return {
        add(batch) {
          eachTarget(batch, names, (target, found) => {
            count++
            if (target === found) right++
          })
        },
        value: () => right / count
      }
    }
  }
}

/** Options of `f1`. */
export interface F1Options extends ClassificationOptions {
  /** Class whose F1 is returned; default: the mean over the classes that occur as a target or as a prediction (macro average). */
  positive?: number
}

const readF1 = optionsOf<F1Options>({ ...fields, positive: optional(integer(0, 2 ** 31 - 1)) })

/**
 * Returns the harmonic mean, 0 to 1, of precision and recall, of one class or averaged over classes; a class without a hit has 0.
 * @example
 * createTrainer(model, data, { validation, metrics: { f1: f1({ positive: 1 }) }, monitor: 'f1' })
 */
export function f1(options: F1Options = {}): Metric {
  const { positive, ...names } = readF1(options, 'the options of f1')
  return {
    outputs: [names.logits ?? 'logits'],
    better: 'higher',
    begin() {
      const classes = new Map<number, { hits: number; targets: number; found: number }>()
      const of = (id: number) => {
        const counts = classes.get(id) ?? { hits: 0, targets: 0, found: 0 }
        classes.set(id, counts)
        return counts
      }
      const figure = ({ hits, targets, found }: ReturnType<typeof of>) => (2 * hits) / (targets + found)
      return {
        add(batch) {
          eachTarget(batch, names, (target, found) => {
            of(target).targets++
            of(found).found++
            if (target === found) of(target).hits++
          })
        },
        value() {
          if (positive !== undefined) return classes.has(positive) ? figure(of(positive)) : classes.size > 0 ? 0 : NaN
          const figures = [...classes.values()].map(figure)
          return figures.reduce((sum, value) => sum + value, 0) / figures.length
        }
      }
    }
  }
}

/** Calls `count` with each counted target and the class of its largest logit. */
function eachTarget(
  { outputs, inputs, shapes }: MetricBatch,
  { logits = 'logits', targets = 'targets', ignore = -1 }: ClassificationOptions,
  count: (target: number, found: number) => void
): void {
  const [values, wanted] = [outputs[logits], inputs[targets]]
  const classes = shapes.outputs[logits]?.at(-1) ?? 0
  if (!values || !wanted || wanted.length * classes !== values.length) {
    const what = `a target in "${targets}" for each row of the logits in "${logits}"`
    const found = `${wanted?.length ?? 'no'} targets and ${values?.length ?? 'no'} logits`
    throw expected('ERR_INVALID_SHAPE', what, found, 'name tensors of the model whose shapes fit')
  }
  for (let row = 0; row < wanted.length; row++) {
    if (wanted[row] === ignore) continue
    const begin = row * classes
    let best = 0
    for (let k = 1; k < classes; k++) if (values[begin + k]! > values[begin + best]!) best = k
    count(wanted[row]!, best)
  }
}
