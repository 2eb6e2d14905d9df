// One version of a served model: its file stays open and in memory until the last request that uses it has ended.

import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatecellError, expected } from '../errors.js'
import { createEngine } from '../generate/engine/engine.js'
import type { Engine, EngineVocabulary } from '../generate/engine/types.js'
import { openCheckpoint, type CheckpointFile } from '../io/checkpoint.js'
import type { EventRecord } from '../io/json.js'
import { tasks } from '../tasks/registry.js'
import type { LoadOptions } from '../tasks/runs/load.js'
import { engineOptions } from '../tasks/runs/settings.js'
import type { TextParts, Verb, VerbCode } from '../tasks/verb.js'
import { readingOf } from '../tasks/text/use/prompt.js'
import { findPackage } from '../version.js'
import { Gate } from './gate.js'
import type { MemorySource, NamedSource } from './model-source.js'
import type { RouteValues } from './settings.js'

/** Tokens that a text may have ahead of its client: the most of one event, which is made while nothing else happens. */
const MOST_AHEAD = 2048

type LoadVerb = VerbCode<Disposable, object, EventRecord>['load']

/** A model that continues texts, with its engine. */
export interface TextService extends Pick<TextParts, 'vocabulary' | 'promptIds'> {
  readonly engine: Engine
  /** The token that ends a text; undefined if the model has none. */
  readonly endToken: number | undefined
}

/** The parts of a version that differ between files and models in memory. */
interface VersionParts {
  readonly id: string
  readonly task: string
  readonly file: CheckpointFile | null
  readonly uses: readonly Verb[]
  readonly load: LoadOptions
  /** Returns a name of the weights, the version of gatecell and the precision: equal names and seeds have equal texts. */
  fingerprint(): string
}

/** A version of a served model. */
export class ModelVersion {
  readonly id: string
  readonly task: string
  readonly file: CheckpointFile | null
  /** The uses of the model, each a route. */
  readonly uses: readonly Verb[]
  readonly load: LoadOptions
  /** Seconds since 1970. */
  readonly created = Math.floor(Date.now() / 1000)
  readonly gate: Gate
  readonly #fingerprint: () => string
  readonly #loaded = new Map<LoadVerb, Promise<Disposable>>()
  #text: TextService | null = null
  #users = 0
  #retired = false
  #ended: (() => void) | null = null

  constructor(parts: VersionParts, values: RouteValues) {
    this.id = parts.id
    this.task = parts.task
    this.file = parts.file
    this.uses = parts.uses
    this.load = parts.load
    this.#fingerprint = () => parts.fingerprint()
    this.gate = new Gate(values.maxUses, values.maxWaiting)
  }

  get fingerprint(): string {
    return this.#fingerprint()
  }

  /** The engine and vocabulary of a model that continues texts; null for other models. */
  get text(): TextService | null {
    return this.#text
  }

  /** Serves texts with these parts from now on. */
  serveTexts(parts: TextParts, values: RouteValues): void {
    const { vocabulary, promptIds } = parts
    const { maxRows, maxWaiting, maxSessions, promptShare, sharedWeights } = values
    const more = maxRows + maxWaiting
    const shared = this.file && sharedWeights !== undefined ? { sharedWeights } : {}
    const options = {
      ...shared,
      maxRows,
      maxWaiting,
      maxSessions: maxSessions + more,
      promptShare,
      maxAhead: MOST_AHEAD
    }
    const engine = createEngine(parts.model, { ...options, vocabulary: continuing(vocabulary) })
    const endToken = vocabulary.special.includes('end') ? vocabulary.idOf('end') : undefined
    this.#text = { engine, vocabulary, promptIds, endToken }
  }

  /** Returns what the code of a use loads; several uses that load the same share it. */
  async loaded(code: VerbCode<Disposable, object, EventRecord>): Promise<Disposable> {
    let loading = this.#loaded.get(code.load)
    if (!loading) {
      loading = code.load(this.file!, this.load)
      this.#loaded.set(code.load, loading)
      loading.catch(() => this.#loaded.delete(code.load))
    }
    return await loading
  }

  /** Keeps the version until the lease is disposed of. */
  lease(): Disposable {
    let released = false
    this.#users++
    return {
      [Symbol.dispose]: () => {
        if (released) return
        released = true
        this.#users--
        this.#endIfUnused()
      }
    }
  }

  /** Ends the version when its last user has left, and resolves then. */
  async retire(): Promise<void> {
    if (this.#retired) return
    this.#retired = true
    const ended = new Promise<void>((resolve) => (this.#ended = resolve))
    this.#endIfUnused()
    await ended
    this.#text?.engine.dispose()
    for (const loading of this.#loaded.values()) {
      const model = await loading.catch(() => null)
      if (model) await disposeWhenIdle(model)
    }
    await this.file?.close()
  }

  #endIfUnused(): void {
    if (this.#retired && this.#users === 0) this.#ended?.()
  }
}

/** Disposes of a model. The step under way of a text that was aborted may still read its weights for some milliseconds. */
async function disposeWhenIdle(model: Disposable): Promise<void> {
  for (;;) {
    try {
      return model[Symbol.dispose]()
    } catch (error) {
      if (!(error instanceof GatecellError) || error.code !== 'ERR_BUSY') throw error
      await sleep(2)
    }
  }
}

/** Returns the vocabulary whose decoders continue a text: the first word has the space before it. */
function continuing(vocabulary: TextParts['vocabulary']): EngineVocabulary {
  const { encode } = vocabulary
  return {
    encode: (text) => encode(text),
    decoder: () => continuingDecoder(vocabulary)
  }
}

/** Returns a decoder for the tokens after a prompt. */
export function continuingDecoder(vocabulary: TextParts['vocabulary']): ReturnType<EngineVocabulary['decoder']> {
  const decoder = vocabulary.decoder({ skipSpecial: true })
  if (vocabulary.kind === 'word') decoder.write(vocabulary.size - 1)
  return decoder
}

/** Opens a model for a server. Throws the errors of files and of their tasks. */
export async function openVersion(source: NamedSource, values: RouteValues): Promise<ModelVersion> {
  return 'path' in source ? await openFile(source.path, source.id, values) : memoryVersion(source, values)
}

async function openFile(path: string, id: string, values: RouteValues): Promise<ModelVersion> {
  const file = await openCheckpoint(path)
  try {
    const { task: found, checksum } = file.info
    const task = tasks.find((one) => [one.id, ...(one.formerIds ?? [])].includes(found))
    if (!task) {
      const known = tasks.map((one) => one.id).join(', ')
      throw expected(
        'ERR_WRONG_TASK',
        `a model of ${known}`,
        `a ${JSON.stringify(found)} model in ${path}`,
        'name another'
      )
    }
    const load = loadOptions(values)
    const uses = [...task.verbs, ...(task.tracing ? [task.tracing] : [])]
    const name = fingerprintOf(`${checksum} ${load.precision ?? 'f32'}`)
    const parts = { id, task: task.id, file, uses, load, fingerprint: () => name }
    const version = new ModelVersion(parts, values)
    await loadFirst(version, values)
    return version
  } catch (error) {
    await file.close()
    throw error
  }
}

/** Loads the model for its first use, and makes an engine if it continues texts. */
async function loadFirst(version: ModelVersion, values: RouteValues): Promise<void> {
  const code = await version.uses[0]!.code()
  const model = await version.loaded(code)
  if (code.texts) version.serveTexts(code.texts(model), values)
}

function loadOptions(values: RouteValues): LoadOptions {
  const { weights, device, threads } = values
  return engineOptions({
    ...(weights !== undefined && { weights }),
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads })
  })
}

function memoryVersion({ id, model, vocabulary }: MemorySource, values: RouteValues): ModelVersion {
  const process = randomUUID()
  const version = new ModelVersion(
    {
      ...{ id, task: model.name, file: null, uses: [], load: {} },
      fingerprint: () => fingerprintOf(`${process} ${model.parameters.version}`)
    },
    values
  )
  version.serveTexts({ model, vocabulary, promptIds: (prompt) => readingOf(vocabulary, prompt) }, values)
  return version
}

function fingerprintOf(text: string): string {
  const version = findPackage()?.version ?? ''
  return `gc_${createHash('sha256').update(`${version} ${text}`).digest('hex').slice(0, 24)}`
}
