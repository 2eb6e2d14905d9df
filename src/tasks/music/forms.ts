// The forms in which music is learned: of each the network, and the batches' tensors.

import type { Batch } from '../../data/batching/source.js'
import { paddedLength } from '../../data/batching/buckets.js'
import type { ModelDefinition } from '../../model.js'
import { keysDefinition, packKeys } from './keys-model.js'
import { eventsDefinition, packEvents } from './events-model.js'
import { notesDefinition } from './notes-model.js'
import { packRepeats } from './repeats.js'
import type { MusicInputs, MusicNetwork } from './settings.js'
import { packParts, slotsOf, VOICES, type Part, type PartDims } from './steps.js'

/** A form of music. */
interface Form {
  /** Returns inputs, targets, network and loss. */
  definition(network: MusicNetwork): Omit<ModelDefinition, 'name' | 'config'>
  /** Returns the shape of a batch of parts. */
  dims(parts: readonly Part[]): Record<string, number>
  /** Returns the tensors of a batch. */
  pack(
    parts: readonly Part[],
    dims: Readonly<Record<string, number>>,
    network: Pick<MusicInputs, 'lookback'>
  ): Batch['inputs']
}

/** Returns the number of slots of a batch, one of few so that the model has few plans. */
function paddedSlots(slots: number): number {
  return slots <= 6 ? slots : slots <= 10 ? 10 : paddedLength(slots)
}

const lengthOf = (parts: readonly Part[]) => parts.reduce((most, { count }) => Math.max(most, count), 0)
const sizesOf = (parts: readonly Part[]) => ({ length: paddedLength(lengthOf(parts)), batch: parts.length })

/** Returns the tensors of steps that are chosen note by note. */
export function packSteps(parts: readonly Part[], dims: PartDims, { lookback }: Pick<MusicInputs, 'lookback'>) {
  return { ...packParts(parts, dims), ...(lookback && packRepeats(parts, dims)) }
}

/** All forms by name. */
export const forms: Readonly<Record<MusicNetwork['form'], Form>> = {
  notes: {
    definition: notesDefinition,
    dims: (parts) => ({ ...sizesOf(parts), slots: paddedSlots(slotsOf(parts)) }),
    pack: (parts, { length, batch, slots }, network) =>
      packSteps(parts, { length: length!, batch: batch!, slots: slots!, ends: true }, network)
  },
  voices: {
    definition: notesDefinition,
    dims: (parts) => ({ ...sizesOf(parts), slots: VOICES }),
    pack: (parts, { length, batch }, network) =>
      packSteps(parts, { length: length!, batch: batch!, slots: VOICES, ends: false }, network)
  },
  keys: {
    definition: keysDefinition,
    dims: sizesOf,
    pack: (parts, { length, batch }, network) => packKeys(parts, { length: length!, batch: batch! }, network)
  },
  events: {
    definition: eventsDefinition,
    dims: sizesOf,
    pack: (parts, { length, batch }) => packEvents(parts, { length: length!, batch: batch! })
  }
}
