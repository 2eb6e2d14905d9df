// Interop: models and tensors of other programs, in and out.

export { loadWeights, type LoadWeightsOptions, type WeightsReport } from './load-weights.js'
export { exportModel, type ExportOptions, type ExportReport } from './export-model.js'
export { importModel, type ImportedModel, type ImportModelOptions } from './import-model.js'
export type { OnnxArray, OnnxPort } from './onnx/ports.js'
export type { SizeKind } from './onnx/steps.js'
export { importText, type ImportTextOptions, type ImportTextReport } from './import-text.js'
export type { NameMap } from './names.js'
export { openTensorFile, type OpenTensorFileOptions, type TensorFile } from './tensors/tensor-file.js'
export type { StoredTensor } from './tensors/stored-tensor.js'
