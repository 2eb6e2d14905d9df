// Models and tensors of other programs.
import { openTensorFile } from '../../src/interop/index.js'
import { method, pure, type AnyRecipe } from './recipe.js'

const opened = () => openTensorFile('reader.safetensors')

export const interopRecipes: AnyRecipe[] = [
  pure('interop.openTensorFile', openTensorFile, () => ['features.npy'], { cost: 10, returns: 'TensorFile' }),
  method('TensorFile', 'close', opened, () => [], { cost: 10 })
]
