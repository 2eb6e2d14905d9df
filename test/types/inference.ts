// Types that programs rely on, checked by `npm run types` and never run: the types that defineModel infers from inputs and outputs
// continue in plans and sessions. `@ts-expect-error` fails the check if the line below it is accepted.
import { createSession, createTrainer, defineModel, evaluate, f32, i32, linear, lstm, meanSquare } from 'gatecell'
import type { Batch, BatchSource, Dims, Model, SessionState, StepOutputs, Tensor } from 'gatecell'
import { createSeries, loadForecaster } from 'gatecell/forecast'
import type { Anomaly, Forecast, ForecastSessionState, SeriesForecast } from 'gatecell/forecast'
import { loadComposer } from 'gatecell/music'
import type { Piece } from 'gatecell/music'
import { loadNumbersModel } from 'gatecell/numbers'
import { loadCaptioner } from 'gatecell/captions'
import type { Caption, CaptionAttention } from 'gatecell/captions'
import { attentionPlacesSvg, attentionSvg } from 'gatecell/plot'
import { loadTranslator } from 'gatecell/translation'
import type { Translation } from 'gatecell/translation'
import { traceText } from 'gatecell/text'
import type { LoadedText, MemoryTrace, TextConfig, TextNetwork, TextTraining } from 'gatecell/text'
import { lexicon, textScorer, traceInk, traceSvg } from 'gatecell/handwriting-recognition'
import type { InkTrace, LoadedReader, RecognitionNetwork } from 'gatecell/handwriting-recognition'
import { measureLegibility } from 'gatecell/handwriting-synthesis'
import type { SynthesisNetwork, LoadedWriter } from 'gatecell/handwriting-synthesis'
import type { Ink } from 'gatecell/ink'

/** Whether A and B are the same type, and not only assignable to each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Returns a function that takes a value only if its type is exactly T: the second argument is true then. */
declare function exactly<T>(): <V>(value: V, same: Same<T, V>) => void
/** Takes the type argument true only. */
declare function holds<_ extends true>(): void

const model = defineModel({
  name: 'types',
  config: {},
  inputs: { x: f32('length', 'batch', 3), lengths: i32('batch') },
  targets: { y: f32('length', 'batch', 1) },
  forward(inputs, dims) {
    exactly<Tensor>()(inputs.x, true)
    exactly<Dims>()(dims, true)
    // @ts-expect-error: no such input
    void inputs.tokens
    const { output } = lstm(inputs.x, { name: 'lstm', hidden: 4, lengths: inputs.lengths })
    // @ts-expect-error: layers have no such option
    lstm(inputs.x, { name: 'lstm', hidden: 4, units: 4 })
    return { next: linear(output, { name: 'head', size: 1 }) }
  },
  loss({ next }, { y }, { x }) {
    exactly<Tensor>()(x, true)
    return meanSquare(next, y)
  }
})

/** Plans have typed views: the dtype of an input decides its array, and a plan to predict has neither targets nor a loss. */
export function plans(): void {
  const training = model.plan({ length: 2, batch: 1 })
  exactly<Float32Array>()(training.inputs.x, true)
  exactly<Int32Array>()(training.inputs.lengths, true)
  exactly<Float32Array>()(training.inputs.y, true)
  exactly<Float32Array>()(training.outputs.loss, true)
  const predicting = model.plan({ length: 2, batch: 1 }, { purpose: 'predict' })
  exactly<Float32Array>()(predicting.outputs.next, true)
  // @ts-expect-error: a plan that predicts has only the inputs
  void predicting.inputs.y
  // @ts-expect-error: such a plan has no loss
  void predicting.outputs.loss
  // @ts-expect-error: no such output
  void predicting.outputs.logits
  // @ts-expect-error: no such purpose
  model.plan({ length: 2, batch: 1 }, { purpose: 'guess' })
}

/** Plans have the outputs and gradients that their options name, and no others. */
export function observed(names: readonly string[]): void {
  const options = { purpose: 'evaluate', outputs: ['next', 'lstm.cell_l0'], gradients: ['x'] } as const
  const plan = model.plan({ length: 2, batch: 1 }, options)
  exactly<Float32Array>()(plan.outputs['lstm.cell_l0'], true)
  exactly<Float32Array>()(plan.outputs.loss, true)
  exactly<Float32Array>()(plan.gradients.x, true)
  // @ts-expect-error: the options do not name it
  void plan.outputs['lstm.hidden_l0']
  // @ts-expect-error: nor its gradient
  void plan.gradients.next
  using lease = model.lease({ length: 2, batch: 1 }, { purpose: 'predict', outputs: ['lstm.hidden_l0'] })
  exactly<Float32Array>()(lease.plan.outputs['lstm.hidden_l0'], true)
  // @ts-expect-error: a plan that predicts has the outputs that are named, in place of those of forward
  void lease.plan.outputs.next
  const any = model.plan({ length: 2, batch: 1 }, { outputs: names, gradients: names })
  exactly<Float32Array | undefined>()(any.gradients['some'], true)
  // @ts-expect-error: names are strings
  model.plan({ length: 2, batch: 1 }, { gradients: [1] })
}

/** Sessions take values by name and return arrays. */
export async function sessions(): Promise<void> {
  const session = createSession(model)
  const outputs = await session.step({ x: [1, 2, 3] })
  exactly<StepOutputs>()(outputs, true)
  holds<Same<ReturnType<typeof session.save>, SessionState>>()
  // @ts-expect-error: values are numbers
  await session.step({ x: ['1'] })
}

/** Trainers take sources of batches for models of any inputs, and options that exist. */
export async function trainers(source: BatchSource): Promise<void> {
  const any: Model = model
  const trainer = createTrainer(any, source, { optimizer: { kind: 'adam', learningRate: 0.01 }, steps: 1 })
  const summary = await trainer.fit()
  exactly<number>()(summary.step, true)
  const { loss } = await evaluate(model, source)
  exactly<number>()(loss, true)
  // @ts-expect-error: no such optimizer
  createTrainer(model, source, { optimizer: { kind: 'adagrad' } })
  // @ts-expect-error: the values of a batch are typed arrays
  const batch: Batch = { inputs: { x: [1, 2] }, epoch: 0, cursor: 0 }
  void batch
}

/** Settings have the types of their declarations. */
export function settings(config: TextConfig, other: TextConfig): void {
  holds<Same<TextConfig['network'], TextNetwork>>()
  holds<Same<TextNetwork['hidden'], number>>()
  holds<Same<TextNetwork['variational'], boolean>>()
  holds<Same<RecognitionNetwork['bidirectional'], boolean>>()
  holds<Same<SynthesisNetwork['gaussians'], number>>()
  const optimizer: TextTraining['optimizer'] = 'adamw'
  void optimizer
  // @ts-expect-error: settings are read-only
  config.network = other.network
}

/** Traces, scorers and the measure of legibility take loaded models and give plain values. */
export async function uses(reader: LoadedReader, writer: LoadedWriter, loaded: LoadedText, ink: Ink): Promise<void> {
  const trace = await traceInk(reader, ink, { signal: AbortSignal.timeout(1000) })
  exactly<InkTrace>()(trace, true)
  exactly<string>()(traceSvg(trace, { moving: true }), true)
  exactly<MemoryTrace>()(await traceText(loaded, 'text'), true)
  const { scorer, omitted } = lexicon(['word'], reader.vocabulary)
  exactly<readonly string[]>()(omitted, true)
  await reader.read(ink, { scorer })
  await reader.read(ink, { scorer: textScorer(loaded, reader.vocabulary, { weight: 0.5 }) })
  const { cer } = await measureLegibility(writer, reader, ['text'], { bias: 1 })
  exactly<number>()(cer, true)
  // @ts-expect-error: a trace is of a loaded reader
  void traceInk(reader.model, ink)
  // @ts-expect-error: a lexicon is a list of words
  lexicon('word', reader.vocabulary)
  // @ts-expect-error: the writer is the first argument
  void measureLegibility(reader, writer, ['text'])
}

/** Forecasters take series and give plain values. */
export async function forecasts(): Promise<void> {
  using forecaster = await loadForecaster('model.safetensors')
  const series = createSeries([1, 2, 3], { name: 'sales', start: '2024', step: { unit: 'year', count: 1 } })
  exactly<SeriesForecast>()(await forecaster.forecast(series), true)
  exactly<Anomaly[]>()(await forecaster.anomalies(series, { threshold: 4 }), true)
  using session = forecaster.session(series)
  exactly<Forecast>()(session.update(4, { price: 2 }), true)
  exactly<Float64Array[]>()(session.draw({ count: 10, seed: 1 }), true)
  holds<Same<ReturnType<typeof session.save>, ForecastSessionState>>()
  // @ts-expect-error: no such unit
  createSeries([1], { name: 'sales', step: { unit: 'decade', count: 1 } })
  // @ts-expect-error: a list of files
  void forecaster.read('sales.csv')
}

/** Models of sequences take and give plain values. */
export async function sequences(): Promise<void> {
  using translator = await loadTranslator('model.safetensors')
  exactly<Translation[][]>()(await translator.translate(['a sentence'], { beam: 2 }), true)
  attentionSvg(await translator.attention('a sentence'))
  // @ts-expect-error: a list of sentences
  void translator.translate('a sentence')
  using captioner = await loadCaptioner('model.safetensors')
  exactly<Caption[][]>()(await captioner.caption([new Uint8Array(9)], { beam: 2 }), true)
  const places = await captioner.attention(new Uint8Array(9))
  exactly<CaptionAttention>()(places, true)
  attentionPlacesSvg({ ...places, picture: { width: 1, height: 1, rgb: new Uint8Array(3) } })
  using composer = await loadComposer('model.safetensors')
  const { piece } = await composer.compose({ bars: 4 })
  exactly<Piece>()(piece, true)
  await composer.compose({ prompt: piece, onlyNew: true })
  using numbers = await loadNumbersModel('model.safetensors')
  exactly<bigint>()((await numbers.continue([2, 4n])).next[0]!.term, true)
}

/** The engine keeps locks and native handles of the parameters to itself. */
export function internals(): void {
  // @ts-expect-error: the lock of the operations on the weights
  void model.parameters.operations
  // @ts-expect-error: the native handle
  void model.parameters.handle
}
