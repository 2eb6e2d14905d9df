// The place of this package's code. The CommonJS build takes here-cjs.cts instead: tshy compiles both and swaps them, because the compiler
// refuses import.meta in CommonJS.

/** The file URL of this module. */
export const here =
  // eslint-disable-next-line @typescript-eslint/ban-ts-comment
  // @ts-ignore
  import.meta.url
