// The sources of the models of a server: files, or models in memory.

import { basename } from 'node:path'
import { filled, object, optional, type Check } from '../check/index.js'
import { checkVocabulary, type Vocabulary } from '../data/text/vocabulary.js'
import { expected, isObject, show } from '../errors.js'
import { checkModel, type Model } from '../model.js'

/** A model file, with the name of the model for requests; default: the name of the file without its extension. */
export interface FileSource {
  readonly path: string
  readonly id?: string
}

/** A model in memory that continues texts, which may be trained meanwhile, with the name of the model for requests. */
export interface MemorySource {
  readonly id: string
  readonly model: Model
  readonly vocabulary: Vocabulary
}

/** A model of a server: the path of its file, or a description. */
export type ModelSource = string | FileSource | MemorySource

/** A source whose name is known. */
export type NamedSource = Required<FileSource> | MemorySource

const readFileSource = object<FileSource>({ path: filled, id: optional(filled) })
const readMemorySource = object<MemorySource>({
  id: filled,
  model: (value, name) => {
    checkModel(value, name)
    return value as Model
  },
  vocabulary: (value, name) => checkVocabulary(value, name)
})

/** Checks the source of a model, and gives it a name. */
export const readModelSource: Check<NamedSource> = (value, name) => {
  if (isObject(value) && 'model' in value) {
    const source = readMemorySource(value, name)
    return { ...source, id: checkId(source.id) }
  }
  const { path, id = basename(path, '.safetensors') } =
    typeof value === 'string' ? { path: filled(value, name) } : readFileSource(value, name)
  return { path, id: checkId(id) }
}

/** Returns the source that a word of a command line describes: a path, or `name=path`. */
export function sourceOfWord(word: string): FileSource {
  const [, id, path] = /^([A-Za-z0-9._-]+)=(.+)$/s.exec(word) ?? []
  return path === undefined ? { path: word } : { id: id!, path }
}

/** Returns the name of a model, which is part of the addresses of a server. */
function checkId(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)) return id
  const remedy = 'give the model a name, on the command line as name=path'
  throw expected('ERR_INVALID_ARGUMENT', 'a name of letters, digits, dots and dashes for a model', show(id), remedy)
}
