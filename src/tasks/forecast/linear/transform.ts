// Transformations of the values of a series, in which its models are linear: the logarithm turns growth into a trend and a factor of the season
// into a sum; the square root does nearly the same for counts that reach 0.

/** Names of the transformations. */
export const transformNames = ['identity', 'log', 'sqrt'] as const
/** The name of a transformation. */
export type TransformName = (typeof transformNames)[number]

/** A monotonic function and its inverse, defined for all numbers. */
export interface Transform {
  forward(value: number): number
  back(value: number): number
}

/** The least value of which a logarithm is taken. */
const TINY = 1e-12
/** The largest argument of the exponential function, so that a forecast stays finite. */
const LARGEST_LOG = 700
/** The largest root that is squared. */
const LARGEST_ROOT = 1e150

const transforms: Readonly<Record<TransformName, Transform>> = {
  identity: { forward: (value) => value, back: (value) => value },
  log: { forward: (value) => Math.log(Math.max(value, TINY)), back: (value) => Math.exp(Math.min(value, LARGEST_LOG)) },
  sqrt: {
    forward: (value) => Math.sqrt(Math.max(value, 0)),
    back: (value) => Math.min(Math.max(value, 0), LARGEST_ROOT) ** 2
  }
}

/** Returns a transformation by its name. */
export function transformOf(name: TransformName): Transform {
  return transforms[name]
}

/** A series whose smallest value is below this share of its median is too close to 0 for a logarithm. */
const NEAR_ZERO = 0.05

/** Chooses the transformation of a series: the logarithm where all values are well above 0, the square root where none is negative. */
export function chooseTransform(values: ArrayLike<number>): TransformName {
  const known = Float64Array.from(Array.from(values).filter((value) => !Number.isNaN(value))).sort()
  const [least = 0, median = 0] = [known[0], known[known.length >> 1]]
  if (least > NEAR_ZERO * median) return 'log'
  return least >= 0 ? 'sqrt' : 'identity'
}
