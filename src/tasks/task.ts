// The interface of a task. The command line (and later routes and forms) is made from the tasks in registry.ts: a new task
// is one folder with a value of this type and one line there. A value is light: its functions import their code on use.

import type { Hint } from './hint.js'
import type { CheckpointFile, CheckpointInfo } from '../io/checkpoint.js'
import type { EventRecord, JsonObject } from '../io/json.js'
import type { Report } from '../train/reports.js'
import type { Group } from '../settings/index.js'
import type { RunMode } from './runs/files.js'
import type { TaskModel } from './runs/model-file.js'
import type { Run } from './runs/run-types.js'
import type { ModelUse, TaskArgument, Verb } from './verb.js'

/** Receiver of the results of a function: lines and text for people, or records for programs, whose `event` names their kind. */
export interface TaskOutput {
  line(text?: string): void
  record(record: EventRecord): void
}

/** Surroundings of a function of a task. */
export interface TaskContext {
  readonly output: TaskOutput
  /** Shows how far a long piece of work is. */
  readonly progress: { show(work: string, done: number): void; clear(): void }
  readonly signal: AbortSignal
  /** Returns standard input, which "-" reads. */
  stdin(): AsyncIterable<Uint8Array>
}

/** A measure of a model: `valid_<name>` in the records of a training, `<name>` in those of an evaluation. */
export interface MeasureSpec {
  readonly name: string
  /** Unit of the value; 'share' for values from 0 to 1. */
  readonly unit: string
  readonly better: 'lower' | 'higher'
}

/** The result of a measurement. */
export interface TaskMeasurement {
  /** Values of the task's measures by name. */
  readonly values: Readonly<Record<string, number>>
  /** Other fields of the record: counts, seconds. */
  readonly facts: JsonObject
  /** Sentences for people; default: a line for each measure. */
  readonly lines?: readonly string[]
}

/** Facts about a model file that its task finds in the header, next to those that all model files have. */
export interface TaskInspection {
  /** Fields of the record. */
  readonly facts: JsonObject
  readonly lines: readonly string[]
}

/** The files of a run, and how the run treats files that exist. */
export interface RunPlace {
  readonly data: readonly string[]
  readonly out: string
  readonly mode: RunMode
  readonly validFiles?: readonly string[]
}

/** A run with its descriptions for people and logs. */
export interface TaskRun<M = unknown> {
  readonly run: Run<M>
  /** Texts for people: the data; the network without its parameters; the size of a batch. */
  readonly introduction: { readonly data: string; readonly network: string; readonly step: string }
  /** More fields of the first record. */
  readonly facts?: JsonObject
  /** Hints before the first step. */
  readonly hints?: readonly Hint[]
  /** Text to append to the line about memory. */
  readonly memoryNote?: string
  /** Returns the hints to give after a report. */
  watch?(report: Report): Promise<Hint[]>
  /** Returns the hints that the last measurement gives reason for. */
  lastHints?(valid: M): Hint[]
  /** Returns the measures of the best weights. */
  measured(valid: M): TaskMeasurement
}

/** The input of an evaluation. V: values of its settings, with defaults. */
export interface ModelInput<V = unknown> {
  /** The model's file, which was opened once: another file may replace it at its path at any time. It is closed by the caller. */
  readonly model: CheckpointFile
  /** The words after it: files, texts. */
  readonly words: readonly string[]
  readonly options: V
}

/** A task: data, model, measure and verbs. */
export interface TaskEntry {
  /** Name on the command line and in model files. */
  readonly id: string
  /** Names in model files of older versions. */
  readonly formerIds?: readonly string[]
  /** Phrase about the training for a list of tasks: 'learn to continue sequences of integers'. */
  readonly summary: string
  /** The sentences before the options in the help text of its training. */
  readonly description: string
  /** The argument of a training's data, and its help text; a task without it makes its data itself. */
  readonly data?: readonly [argument: string, help: string]
  /** Whether a training can validate on files of their own (`--valid-file`). Default: no. */
  readonly takesValidFiles?: true
  /** Everything that a training can be given. */
  readonly settings: Group
  /** The text after the options in that help text: remarks and examples. */
  readonly notes: string
  /** Plural noun of the elements that rates count: 'symbols'. */
  readonly unit: string
  /** Singular noun of the elements that a measurement counts: 'sample'. */
  readonly counted: string
  /** Unit of the loss. */
  readonly lossUnit: string
  /** The figures of a measurement, the first one is its headline. */
  readonly measures: readonly MeasureSpec[]
  /** The uses of a trained model, each a command. */
  readonly verbs: readonly Verb[]
  /** The command line that follows a training, without the program's name, with MODEL in place of the model: `sample MODEL`. */
  readonly next: string
  /** `words`: the arguments after the model; default: the data that the command takes in every task. */
  readonly evaluation: ModelUse & { readonly words?: readonly TaskArgument[] }
  /** The use that shows the network at work. */
  readonly tracing?: Verb
  /** Makes a training ready; `given` has values of `settings`. */
  prepare(place: RunPlace, given: object, context: TaskContext): Promise<TaskRun>
  /** Measures a model on data. */
  evaluate(input: ModelInput, context: TaskContext): Promise<TaskMeasurement>
  /** Returns the model of the task, as its files store it. */
  model(): Promise<TaskModel<unknown>>
  /** Returns facts about a model file from its header, which may be damaged. */
  inspect?(info: CheckpointInfo): TaskInspection
}
