// Models and tensors of other programs.
import { exportModel, importText, loadWeights, openTensorFile } from '../../src/interop/index.js'
import { textModel } from '../../src/tasks/text/index.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { dispose } from './recipes-runs.js'
import { textConfig } from './worlds.js'

const opened = () => openTensorFile('reader.safetensors')
const names = { embedding: 'embedding', lstm: 'lstm' }

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
