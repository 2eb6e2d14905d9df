// The weights of the layers of a Keras model in its file: by their paths in .keras archives, by the names of layers in .h5 files, and in the order
// of the layers in the files of tfjs.

import { expected } from '../../errors.js'
import { quoted } from '../../io/safetensors/dtypes.js'
import type { Hdf5File } from '../hdf5/file.js'
import type { StoredTensor } from '../tensors/stored-tensor.js'
import type { KerasLayer } from './config.js'
import type { WeightPlace } from './layer-kind.js'

/** The weights of a file. */
export interface KerasWeights {
  /**
   * Returns the tensors of a layer at each of its places. Throws ERR_FILE_FORMAT if the file has others. Layers are asked in the order of the model.
   */
  take(layer: KerasLayer, places: readonly WeightPlace[]): StoredTensor[][]
}

/** Returns a class as Keras names the groups of its layers. */
function snakeCase(type: string): string {
  return type.replace(/\W+/g, '').replace(/(.)([A-Z][a-z]+)/g, '$1_$2').replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase() // prettier-ignore
}

function wrong(path: string, { type, name }: KerasLayer, what: string, found: string) {
  const where = `for ${type} ${quoted(name)} in ${path}`
  return expected('ERR_FILE_FORMAT', `${what} ${where}`, found, 'save model and weights of one model with Keras')
}

/** Returns the weights of Keras 3, and of 2.13 and later in this format: `layers/<class>_<number>/<place>/vars/<number>`. */
export function weightsByPath(file: Hdf5File, path: string): KerasWeights {
  const roots = ['layers', '_layer_checkpoint_dependencies', '']
  const root = roots.find((one) => one === '' || file.groups.has(one))!
  const at = (...parts: string[]) => parts.filter((part) => part !== '').join('/')
  const named = new Map<string, string>()
  for (const group of file.groups) {
    const [name] = group.endsWith('/vars') ? (file.texts(group, 'name') ?? []) : []
    const own = group.slice(0, -'/vars'.length)
    if (name !== undefined && own === at(root, own.slice(own.lastIndexOf('/') + 1))) named.set(name, own)
  }
  const counts = new Map<string, number>()
  return {
    take(layer, places) {
      const type = snakeCase(layer.type)
      const count = counts.get(type) ?? 0
      counts.set(type, count + 1)
      const group = named.get(layer.name) ?? at(root, count === 0 ? type : `${type}_${count}`)
      return places.map(({ place, names }) => {
        const tensors = names.flatMap((_, i) => file.tensors.get(at(group, place, 'vars', `${i}`)) ?? [])
        const more = file.tensors.get(at(group, place, 'vars', `${names.length}`))
        if (tensors.length === names.length && !more) return tensors
        throw wrong(path, layer, `the weights ${names.join(', ')} as ${at(group, place, 'vars')}`, more ? 'more' : `${tensors.length}`) // prettier-ignore
      })
    }
  }
}

/** Returns tensors that are listed in the order of a layer, at each of its places; their names end like those of the weights. */
function divided(
  path: string,
  layer: KerasLayer,
  places: readonly WeightPlace[],
  listed: StoredTensor[]
): StoredTensor[][] {
  return places.map(({ names }) =>
    names.map((name) => {
      const tensor = listed.shift()
      const own = tensor?.name.replace(/:\d+$/, '').split('/').pop()
      if (tensor && own === name) return tensor
      throw wrong(path, layer, `the weight ${quoted(name)}`, tensor ? quoted(tensor.name) : 'none')
    })
  )
}

/** Returns the weights of .h5 files: a group for each layer, with a list of their names. */
export function weightsByLayer(file: Hdf5File, path: string): KerasWeights {
  const root = file.groups.has('model_weights') ? 'model_weights/' : ''
  return {
    take(layer, places) {
      if (places.length === 0) return []
      const group = `${root}${layer.name}`
      const listed = namesOf(file, group).map((name) => {
        const tensor = file.tensors.get(`${group}/${name}`)
        if (tensor) return tensor
        throw wrong(path, layer, `the weight ${quoted(name)}`, 'none')
      })
      const tensors = divided(path, layer, places, listed)
      if (listed.length > 0) throw wrong(path, layer, 'only weights that it has', quoted(listed[0]!.name))
      return tensors
    }
  }
}

/** Returns the names in the attribute of a group, which is divided if it is long. */
function namesOf(file: Hdf5File, group: string): string[] {
  const whole = file.texts(group, 'weight_names')
  if (whole) return whole
  const names: string[] = []
  for (let part = 0; ; part++) {
    const more = file.texts(group, `weight_names${part}`)
    if (!more) return names
    names.push(...more)
  }
}

/** Returns weights that a file lists in the order of the layers. */
export function weightsInOrder(tensors: readonly StoredTensor[], path: string): KerasWeights {
  const left = [...tensors].reverse()
  return {
    take(layer, places) {
      const count = places.reduce((sum, { names }) => sum + names.length, 0)
      return divided(path, layer, places, Array.from({ length: count }, () => left.pop()).filter((one) => one !== undefined)) // prettier-ignore
    }
  }
}
