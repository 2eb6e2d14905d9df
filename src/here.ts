// Where this package's code lies, as a file URL. The CommonJS build takes here-cjs.cts instead (tshy swaps them).
export const here = import.meta.url
