// Interop: models and tensors of other programs, in and out.

export { openTensorFile, type TensorFile } from './tensors/tensor-file.js'
export type { StoredTensor } from './tensors/stored-tensor.js'
