// The groups of arrays of a model's parameters, by name: values, gradients, moments, averaged weights.

import { choice } from '../check/index.js'

/** The arrays that a parameter has. */
export type ParameterGroup = 'data' | 'grad' | 'moment1' | 'moment2' | 'moment3' | 'average'

/** The groups that a model has only on demand. */
export type OptionalGroup = 'moment3' | 'average' | 'accumulated'

/** The groups that an optimizer keeps from step to step. */
export type MomentGroup = Exclude<ParameterGroup, 'data' | 'grad' | 'average'>

/** The groups of which a step keeps a consistent copy. */
export type CopiedGroup = Exclude<ParameterGroup, 'grad'>

/** The groups that hold weights. */
export type WeightGroup = 'data' | 'average'

/** Checks the name of a group. */
export const checkParameterGroup = choice<ParameterGroup>('data', 'grad', 'moment1', 'moment2', 'moment3', 'average')

/** Checks the name of a group of which copies can be made. */
export const checkCopiedGroup = choice<CopiedGroup>('data', 'moment1', 'moment2', 'moment3', 'average')

/** Checks the name of a group that holds weights. */
export const checkWeightGroup = choice<WeightGroup>('data', 'average')

/** Checks the name of a group that a model has only on demand. */
export const checkOptionalGroup = choice<OptionalGroup>('moment3', 'average', 'accumulated')
