/** Returns the JavaScript of the TypeScript file `path`, with an inline source map. */
export function transpiled(path: string): string
