// What every part of src checks its callers' values with: values.ts, and arrays.ts for lists.

export * from './values.js'
export * from './arrays.js'
