// The models of a server by name, and their replacement while requests use them.

import { expected } from '../errors.js'
import { notFound, RequestError } from './errors.js'
import type { NamedSource } from './model-source.js'
import { openVersion, type ModelVersion } from './model-version.js'
import type { RouteValues } from './settings.js'

/** A replacement of a model, or its failure, for logs. */
export interface Reloaded {
  readonly id: string
  readonly result: 'same' | 'replaced' | 'failed'
  readonly error?: unknown
}

/** The models of a server. */
export class Models {
  readonly #sources: readonly NamedSource[]
  readonly #values: RouteValues
  readonly #versions = new Map<string, ModelVersion>()
  readonly #retiring = new Set<Promise<void>>()
  #reloading: Promise<Reloaded[]> | null = null
  #isReady = false

  /** Throws ERR_INVALID_ARGUMENT for two models of one name. */
  constructor(sources: readonly NamedSource[], values: RouteValues) {
    this.#sources = sources
    this.#values = values
    const ids = sources.map(({ id }) => id)
    const twice = ids.find((id, i) => ids.indexOf(id) !== i)
    if (twice === undefined) return
    const remedy = 'give one of them another name, on the command line as name=path'
    throw expected('ERR_INVALID_ARGUMENT', 'models with different names', `two models "${twice}"`, remedy)
  }

  /** Opens all models; before that, requests get the status 503. Throws the errors of their files. */
  async open(): Promise<void> {
    try {
      for (const source of this.#sources) this.#versions.set(source.id, await openVersion(source, this.#values))
    } catch (error) {
      await this.close()
      throw error
    }
    this.#isReady = true
  }

  get all(): readonly ModelVersion[] {
    return [...this.#versions.values()]
  }

  get isReady(): boolean {
    return this.#isReady
  }

  /** Returns the model with a name; without a name the only model. Throws a 404 for another name. */
  get(id: unknown): ModelVersion {
    const all = this.all
    if (!this.#isReady)
      throw new RequestError(503, expected('ERR_BUSY', 'models that are loaded', 'models that load', 'try again later'))
    if ((id === undefined || id === null) && all.length === 1) return all[0]!
    const found = typeof id === 'string' ? this.#versions.get(id) : undefined
    if (found) return found
    const names = all.map((one) => one.id).join(', ')
    throw notFound(`one of the models ${names}`, showName(id), 'name one of them as "model"')
  }

  /** Returns the model that has a fingerprint at present; undefined if none has. */
  withFingerprint(fingerprint: string): ModelVersion | undefined {
    return this.all.find((one) => one.fingerprint === fingerprint)
  }

  /**
   * Opens the files of all models again. A model whose file has changed is replaced; requests that use the former version end with it. A model
   * whose file is damaged or gone stays as it is.
   */
  async reload(): Promise<Reloaded[]> {
    this.#reloading ??= this.#reload().finally(() => (this.#reloading = null))
    return await this.#reloading
  }

  async #reload(): Promise<Reloaded[]> {
    const results: Reloaded[] = []
    for (const source of this.#sources) {
      if (!('path' in source)) continue
      const { id } = source
      try {
        const old = this.#versions.get(id)!
        const version = await openVersion(source, this.#values)
        const isSame = version.fingerprint === old.fingerprint
        if (!isSame) this.#versions.set(id, version)
        this.#retire(isSame ? version : old)
        results.push({ id, result: isSame ? 'same' : 'replaced' })
      } catch (error) {
        results.push({ id, result: 'failed', error })
      }
    }
    return results
  }

  #retire(version: ModelVersion): void {
    // Nobody may be waiting for the end of a version that was replaced, so its failure is a warning.
    const retiring = version
      .retire()
      .catch((error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)))
      .finally(() => this.#retiring.delete(retiring))
    this.#retiring.add(retiring)
  }

  /** Ends all models after the last request that uses them. */
  async close(): Promise<void> {
    this.#isReady = false
    for (const version of this.#versions.values()) this.#retire(version)
    await Promise.all(this.#retiring)
  }
}

function showName(id: unknown): string {
  return typeof id === 'string' ? JSON.stringify(id.slice(0, 80)) : id === undefined ? 'none' : 'another value'
}
