// Facts about a text model from the header of its file.

import { vocabularyKinds } from '../../data/text/vocabulary-types.js'
import { grouped, wholePercent } from '../../format.js'
import type { CheckpointInfo } from '../../io/checkpoint.js'
import type { TaskInspection } from '../task.js'
import { OUTPUT_WEIGHT, outputLayerShare } from './training/output-layer.js'

/**
 * Returns the kind and the size of a text model's vocabulary and the share of its output layer in the multiplications. A damaged configuration
 * gives no vocabulary.
 */
export function inspectText({ config, tensors }: CheckpointInfo): TaskInspection {
  const weights = [...tensors.values()].filter(({ group }) => group === 'weights')
  const share = outputLayerShare(weights)
  const { kind: found } = Object(config['vocabulary']) as { kind?: unknown }
  const kind = vocabularyKinds.find((one) => one === found)
  const size = weights.find(({ key }) => key === OUTPUT_WEIGHT)?.shape[0]
  const vocabulary = kind !== undefined && size !== undefined ? { kind, size } : null
  return {
    facts: { ...(vocabulary && { vocabulary }), output_layer_share: share },
    lines: [
      ...(vocabulary ? [`vocabulary of ${grouped(vocabulary.size)} symbols (${vocabulary.kind})`] : []),
      `output layer ${wholePercent(share)} of the multiplications`
    ]
  }
}
