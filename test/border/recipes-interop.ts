// Models and tensors of other programs.
import { exportModel, importModel, importText, loadWeights, openTensorFile } from '../../src/interop/index.js'
import { textModel } from '../../src/tasks/text/index.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { dispose } from './recipes-runs.js'
import { textConfig } from './worlds.js'

const opened = () => openTensorFile('reader.safetensors')
const names = { embedding: 'embedding', lstm: 'lstm' }

async function onnxFile(): Promise<string> {
  await exportModel('text.safetensors', { to: 'onnx', out: 'text.onnx' })
  return 'text.onnx'
}
const values = () => ({
  tokens: { shape: [3, 1], data: Int32Array.of(0, 1, 2) },
  h0: { shape: [1, 1, 8], data: new Float32Array(8) },
  c0: { shape: [1, 1, 8], data: new Float32Array(8) }
})

export const interopRecipes: AnyRecipe[] = [
  pure('interop.openTensorFile', openTensorFile, () => ['features.npy'], { cost: 10, returns: 'TensorFile' }),
  method('TensorFile', 'close', opened, () => [], { cost: 10 }),
  recipe({
    name: 'interop.loadWeights',
    setup: () => textModel(textConfig, { threads: 1 }),
    args: (model) => [model, 'text.safetensors', { map: { ...names }, partial: false, narrow: true }],
    call: (_, given) => (loadWeights as (...values: unknown[]) => unknown)(...given),
    dispose,
    cost: 20
  }),
  recipe({
    name: 'interop.importModel',
    setup: onnxFile,
    args: (path) => [
      path,
      { threads: 1, training: true, sizes: { length: 3 }, states: { h0: 'h' }, constants: { c0: values().c0 } }
    ],
    call: (_, given) => (importModel as (...values: unknown[]) => unknown)(...given),
    digest: () => '',
    returns: 'ImportedModel',
    pure: true,
    accepts: ['1.constants.*', '1.sizes.*', '1.states.*'],
    cost: 20
  }),
  method('ImportedModel', 'run', async () => await importModel(await onnxFile()), () => [values()], { cost: 20, dispose, pure: true }), // prettier-ignore
  method('ImportedModel', 'session', async () => await importModel(await onnxFile()), () => [{ outputs: ['logits'] }], { cost: 20, dispose, returns: 'Session' }), // prettier-ignore
  method('ImportedModel', 'save', async () => await importModel(await onnxFile()), () => ['saved.safetensors'], { cost: 20, dispose }), // prettier-ignore
  method('ImportedModel', 'dispose', async () => await importModel(await onnxFile()), () => [], { cost: 20 }), // prettier-ignore
  pure(
    'interop.exportModel',
    exportModel,
    () => ['text.safetensors', { to: 'numpy', out: 'out.npz', map: { ...names } }],
    { cost: 20, accepts: ['1.map.*'] }
  ),
  pure(
    'interop.importText',
    importText,
    () => [
      'text.safetensors',
      { out: 'imported.safetensors', vocabulary: 'symbols.json', map: { ...names }, narrow: true }
    ],
    { cost: 40 }
  )
]
