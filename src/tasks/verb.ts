// The uses of a trained model: sample, read, write, trace. A use declares its input and its records, and returns the records one after the
// other; the command line (and later routes and forms) is made from the declarations. A declaration is light: its code is imported on use.

import type { Vocabulary } from '../data/text/vocabulary.js'
import type { CheckpointFile } from '../io/checkpoint.js'
import type { EventRecord, JsonObject } from '../io/json.js'
import type { Model } from '../model.js'
import {
  field,
  isSetting,
  jsonSchema,
  recordSchema,
  type Group,
  type SettingSpec,
  type Values
} from '../settings/index.js'
import type { LoadOptions } from './runs/load.js'

/** Declarations of the fields of records by the name of their event. */
export type Records = Readonly<Record<string, Group>>

/** The records of a declaration. */
export type RecordOf<O extends Records> = {
  [E in keyof O & string]: { readonly event: E } & Values<O[E]>
}[keyof O & string]

/** Fields of `piece` records: parts of a text while it is made. */
export const pieceFields = {
  part: field.text('prompt for the text that the model continues, text for what follows'),
  text: field.text('the next symbols')
} satisfies Group

/** Fields of `file` records: files that the input asked for. */
export const fileFields = {
  name: field.text('name of the field of the input that asked for the file'),
  type: field.text('media type'),
  content: field.text('the text of the file, or its bytes'),
  encoding: field.optional(field.text('base64 for bytes; a file without this field is text'))
} satisfies Group

/** Surroundings of a use of a model. */
export interface VerbContext {
  /** Ends the use. */
  readonly signal: AbortSignal
  /**
   * Whether the caller takes a text in pieces while it is made. Then the last record does not have the text; otherwise there are no `piece`
   * records.
   */
  readonly pieces: boolean
  /** Device, threads and weights of the model. */
  readonly engine: LoadOptions
  /** Returns standard input, which the path "-" reads. */
  stdin(): AsyncIterable<Uint8Array>
  /** Opens another model by its name; the caller of this function closes the file. */
  openModel(name: string): Promise<CheckpointFile>
}

/** Sentences about a record for people: lines, or text without line breaks of its own. */
export interface Shown {
  readonly lines?: readonly string[]
  readonly text?: string
}

/** The parts of a model that continues texts, for a server that writes many texts at once. */
export interface TextParts {
  readonly model: Model
  readonly vocabulary: Vocabulary
  /** Returns the ids that the model reads before the first draw; '' begins a text. Throws ERR_UNKNOWN_SYMBOL. */
  promptIds(prompt: string): Int32Array
}

/** The code of a use. L: the loaded model. I: the input. R: the records. */
export interface VerbCode<L extends Disposable, I, R> {
  /** Loads a model from a file, which stays open. */
  load(file: CheckpointFile, engine: LoadOptions): Promise<L>
  /** Yields the records of one use. They are plain JSON. */
  run(model: L, input: I, context: VerbContext): AsyncIterable<R>
  /** Returns the sentences about a record; without this function people see nothing of it. */
  show?(record: R, input: I, context: Pick<VerbContext, 'signal'>): Shown
  /** Returns the parts of a model that continues texts; absent in uses of other models. */
  texts?(model: L): TextParts
}

/**
 * An argument of a command, as `<ink...>` or `[text]`, with its help text. Of the kind 'files' (default for several words) are paths, which are
 * not empty; of the kind 'text' are any words.
 */
export type TaskArgument = readonly [argument: string, help: string, kind?: 'files' | 'text']

/** A use of a model that has settings. */
export interface ModelUse {
  /** Everything that a use can be given: words and options of the command line, and the settings of the engine. */
  readonly settings: Group
  /** Options by the setting without which they have no effect. */
  readonly requires?: Readonly<Record<string, readonly string[]>>
  /** Text after the help: examples, explanations. */
  readonly notes: string
}

/** A use of a model that is a command, a route and a form of its own. */
export interface Verb extends ModelUse {
  readonly name: string
  readonly description: string
  /** Names of the settings that are words of the command line, in their order. */
  readonly words: readonly string[]
  /** The records that it yields. */
  readonly records: Records
  code(): Promise<VerbCode<Disposable, object, EventRecord>>
}

/** The parts of a use with the types of its settings and records. */
export interface VerbParts<S extends Group, O extends Records> extends Omit<
  Verb,
  'settings' | 'words' | 'records' | 'code'
> {
  readonly settings: S
  readonly words: readonly (keyof S & string)[]
  readonly records: O
  // The loaded model is a matter of the code only.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  code(): Promise<VerbCode<any, Values<S>, RecordOf<O>>>
}

/** Returns the use with these parts; its code is checked against its declarations at compile time. */
export function defineVerb<const S extends Group, const O extends Records>(parts: VerbParts<S, O>): Verb {
  return parts
}

/** Names of the settings of the engine: they belong to the process that runs a model, and not to the input of one use. */
const ENGINE_SETTINGS = ['weights', 'device', 'threads']

/** Returns the declarations of the input of one use: its settings without those of the engine. */
export function inputOf({ settings }: Pick<Verb, 'settings'>): Group {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !ENGINE_SETTINGS.includes(name)))
}

/** Returns the names of the words without which a use has no input. */
export function requiredWords({ settings, words }: Pick<Verb, 'settings' | 'words'>): string[] {
  return words.filter((name) => {
    const member = settings[name]!
    return isSetting(member) && !member.absent && member.default === undefined
  })
}

/** Returns the arguments of a command line for the words of a use. */
export function argumentsOf(verb: Pick<Verb, 'settings' | 'words'>): TaskArgument[] {
  const required = requiredWords(verb)
  return verb.words.map((name) => {
    const { kind, help } = verb.settings[name] as SettingSpec
    const shown = kind === 'contents' || kind === 'texts' ? `${name}...` : name
    const argument = required.includes(name) ? `<${shown}>` : `[${shown}]`
    return [argument, help, kind === 'content' || kind === 'contents' ? 'files' : 'text']
  })
}

/** Returns the JSON Schemas of a use: of its input, and of its records. */
export function verbSchemas(verb: Verb): { input: JsonObject; records: JsonObject } {
  const records = Object.entries(verb.records).map(([event, fields]) => recordSchema(fields, { event }))
  return { input: jsonSchema(inputOf(verb), requiredWords(verb)), records: { oneOf: records } }
}
