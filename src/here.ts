// Where this package's code lies, as a file URL. The CommonJS build takes here-cjs.cts instead: tshy compiles both and
// swaps them, so that the compiler's refusal of import.meta in CommonJS does not concern us.

// eslint-disable-next-line @typescript-eslint/ban-ts-comment
// @ts-ignore
export const here = import.meta.url
