// Checks of values that callers hand in, for every part of src: values.ts, and arrays.ts for lists.

export * from './values.js'
export * from './arrays.js'
