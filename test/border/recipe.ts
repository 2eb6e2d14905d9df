// Recipe for a public function: valid arguments, from which the generator of hostile calls makes invalid ones.

/** A function of gatecell, or a method of an object that gatecell made. W: the objects that a call works with. */
export interface Recipe<W = unknown> {
  /** As 'ops.lstm' or 'Stream.feed'. Several recipes may have one name, for options that exclude each other. */
  readonly name: string
  setup(): W | Promise<W>
  /** Right arguments, with every option that the call may have. */
  args(world: W): unknown[]
  call(world: W, args: unknown[]): unknown
  /** Returns the value by which valid calls are compared with later ones; default: the result of the call. */
  digest?(world: W, result: unknown): unknown
  /** Brings the world back to where a right call gives the same again. */
  reset?(world: W): void
  dispose?(world: W): void
  /** The kind of the result: each of its methods has a recipe `<kind>.<method>`. */
  readonly returns?: string
  /** Calls that were accepted change nothing: the world is used again. */
  readonly pure?: boolean
  /** The world serves one call: a function that records may be refused half-way, and its graph is given up then. */
  readonly once?: boolean
  /** How many times as long as most a call takes. */
  readonly cost?: number
  /** Values of other types that are right too, as '<place>=<beginning of the value's name>*' or '<place>=<name>'; place as '0.seed'. */
  readonly accepts?: readonly string[]
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyRecipe = Recipe<any>

/** A recipe with its type of world inferred. */
export function recipe<W>(made: Recipe<W>): AnyRecipe {
  return made
}

/** A function that needs nothing but its arguments. */
export function pure(
  name: string,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  call: (...args: any[]) => unknown,
  args: () => unknown[],
  more: Partial<AnyRecipe> = {}
): AnyRecipe {
  return { name, setup: () => null, args, call: (_, given) => call(...given), pure: true, ...more }
}

/** A method of the object that `setup` makes. */
export function method<W extends object>(
  kind: string,
  name: keyof W & string,
  setup: () => W | Promise<W>,
  args: (object: W) => unknown[],
  more: Partial<AnyRecipe> = {}
): AnyRecipe {
  const call = (object: W, given: unknown[]): unknown =>
    (object[name] as (...values: unknown[]) => unknown).apply(object, given)
  return { name: `${kind}.${name}`, setup, args, call, ...more } as AnyRecipe
}
