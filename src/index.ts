// The entry `gatecell`: the engine, for programs that define, train and run models. The tasks have entries of their own, so that a
// program loads only what it uses: `gatecell/text`, `gatecell/handwriting-recognition`, `gatecell/handwriting-synthesis`, `gatecell/ink`
// and `gatecell/plot`.

export { GatecellError, errorCodes, type ErrorCode } from './errors.js'

export {
  defineModel,
  f32,
  i32,
  type Dims,
  type InputSpec,
  type Model,
  type ModelDefinition,
  type ModelOptions,
  type CompileOptions,
  type ModelPlan,
  type ModelPlanOptions,
  type PlanLease,
  type Purpose,
  type Recording
} from './model.js'

// Layers and losses: functions from tensors to tensors that a model's forward and loss are written with.
export { attention, attentionKeys, type AttentionOptions, type KeyOptions } from './layers/attention.js'
export { dropout, type DropoutOptions } from './layers/dropout.js'
export { embedding, type EmbeddingOptions } from './layers/embedding.js'
export { linear, type LinearOptions } from './layers/linear.js'
export { gru, type GruOptions, type GruResult } from './layers/gru.js'
export { lstm, type LstmOptions, type LstmResult } from './layers/lstm.js'
export { rnn, type RnnOptions, type RnnResult } from './layers/rnn.js'
export type { RecurrentOptions } from './layers/stack.js'
export { windowLstm, type WindowLstmOptions } from './layers/window-lstm.js'
export {
  add,
  affine,
  concat,
  crossEntropy,
  ctcLoss,
  flip,
  meanSquare,
  mixtureDensity,
  mul,
  relu,
  reshape,
  sigmoid,
  sigmoidCrossEntropy,
  slice,
  softmax,
  sub,
  tanh
} from './graph/ops/index.js'

// Below the layers: for layers of your own.
export * as ops from './graph/ops/index.js'
export type { Activation, ActivationName } from './graph/ops/activations.js'
export type { CrossEntropyOptions } from './graph/ops/losses.js'
export type { RowWeightOptions } from './graph/ops/weighted.js'
export type { Expression, Operand } from './graph/ops/map.js'
export type { PatchesOptions } from './graph/ops/moves.js'
export type { MatmulOptions } from './graph/ops/products.js'
export type { Axes, ReduceOptions } from './graph/ops/reduce.js'
export { constant, normal, orthogonal, uniform, zeros, type Initializer } from './graph/initializers.js'
export type { Control, ControlBlock } from './graph/control.js'
export type { Graph } from './graph/graph.js'
export type { CpuPrecision, Device, Mode, OptimizerName, Precision } from './graph/opcodes.js'
export type { NamedTensor, Parameter } from './graph/parameter-arenas.js'
export type { CopiedGroup, ParameterGroup, WeightGroup } from './graph/parameter-groups.js'
export type { ReadyOptions } from './graph/first-values.js'
export type { ParameterStore } from './graph/parameters.js'
export type { Plan, PlanExplanation, RunOptions } from './graph/plan.js'
export type { DType, Shape, View } from './graph/shape.js'
export type { Tensor } from './graph/graph.js'

export type { Batch, BatchSource, EpochSource } from './data/batching/source.js'
export {
  evaluationSource,
  sampleSource,
  tokenSource,
  type PackSamples,
  type TokenBatches,
  type TokenNames
} from './data/batching/sources.js'
export { accuracy, f1, type ClassificationOptions, type F1Options } from './metrics/classification.js'
export { perplexity, type Measurement, type Metric, type MetricBatch, type MetricValues } from './metrics/metric.js'
export { evaluate, type EvaluateOptions, type Evaluation, type Metrics } from './train/evaluate.js'
export type { SkippedSteps, TrainingGroup } from './train/groups.js'
export {
  initializeFrom,
  type InitializeOptions,
  type InitializeReport,
  type SymbolRows
} from './train/initialize-from.js'
export type { Optimizer } from './train/optimizers.js'
export type { TrainerOptions } from './train/options.js'
export type { Progress, Resumable, Snapshot } from './train/progress.js'
export type { FitOptions, Measured, Report, StopReason, Summary, TrainerEvents, Validation } from './train/reports.js'
export type { RateFunction, Schedule, PlateauState } from './train/schedules.js'
export { createTrainer, type Trainer } from './train/trainer.js'
export { joinRanks, type JoinOptions, type Ranks } from './ranks/ranks.js'

export { beamSearch, beamSearchAsync } from './generate/decode/beam.js'
export type {
  AsyncBeamDecoder,
  BeamDecoder,
  BeamEntry,
  BeamOptions,
  BeamStep,
  Hypothesis,
  WantedTokens
} from './generate/decode/beam-types.js'
export { sessionDecoder, type SessionDecoderOptions } from './generate/decode/session-decoder.js'
export { ctcGreedy, rowsOf, type CtcPath, type LogitRows } from './generate/decode/ctc.js'
export {
  createCtcBeam,
  ctcBeamSearch,
  type CtcBeam,
  type CtcBeamOptions,
  type CtcHypothesis
} from './generate/decode/ctc-beam.js'
export {
  combineScorers,
  lexiconScorer,
  logSoftmax,
  streamScorer,
  type Scorer,
  type StreamScorerOptions
} from './generate/scorers.js'
export type { SamplerSettings } from './generate/settings.js'
export {
  categoricalSampler,
  feedbackSampler,
  mixtureSampler,
  type CategoricalOptions,
  type MixtureOptions,
  type RecordValue,
  type Sampler
} from './generate/samplers.js'
export { createSession, runTogether, stepTogether } from './generate/session.js'
export { createEngine } from './generate/engine/engine.js'
export type {
  Chunk,
  Engine,
  EngineCounts,
  EngineHistogram,
  EngineMeasures,
  EngineOptions,
  EngineSession,
  EngineState,
  EngineVocabulary,
  Finish,
  Generation,
  ScoredToken,
  TokenOptions
} from './generate/engine/types.js'
export type { TokenModel } from './generate/stream-kind.js'
export type { SessionModel } from './generate/session-kind.js'
export type { SessionBlock, StepOutputs } from './generate/session-plan.js'
export type {
  Session,
  SessionOptions,
  SessionRunOptions,
  SessionState,
  SignalOptions,
  StepInputs
} from './generate/session-types.js'
export type { GenerateOptions, SampleOptions, Stream, StreamOptions, StreamSnapshot } from './generate/stream-types.js'

// Types that those above refer to.
export type { CheckpointGroup, CheckpointTensorInfo } from './io/checkpoint-groups.js'
export type { Specs, Symbols, ViewsOf } from './graph/specs.js'
export type { OutputViews } from './model-types.js'
export type { BpeConfig } from './data/text/bpe-tables.js'
export type { SafetensorsHeader, TensorData, TensorInfo } from './io/safetensors/dtypes.js'
export type { OnSkip, SkipReason } from './data/files/resolve.js'
export type { ParameterSpec } from './graph/parameter-specs.js'
export type { Views } from './graph/plan-views.js'
export type { LoadedTensors } from './graph/loaded-tensors.js'
export type { UpdateGroup } from './graph/update-groups.js'
export type { Decoder as TokenDecoder, Encoder as TokenEncoder } from './data/text/vocabulary-types.js'

export { createRandom, philox4x32, type Random } from './random.js'
export { backends, machineInfo, setThreads, type Backend, type MachineInfo } from './machine.js'

// Data and files.
export {
  createBatches,
  createEvaluation,
  type BatchCursor,
  type BatchOptions,
  type Batches,
  type EvaluationOptions,
  type EvaluationWindows,
  type Filled
} from './data/batching/windows.js'
export { createDataset, type DatasetCursor } from './data/batching/dataset.js'
export type { DatasetOptions, PrepareContext } from './data/batching/dataset-options.js'
export type { PackedBatch } from './data/batching/sample-packer.js'
export type { Sample, SampleModel, SampleValue } from './data/batching/fields.js'
export type { SampleIterable, DatasetSamples } from './data/batching/samples.js'
export { createTextDataset, type TextDatasetOptions } from './data/batching/text-dataset.js'
export {
  createBuckets,
  paddedLength,
  type BucketCursor,
  type Buckets,
  type BucketOptions
} from './data/batching/buckets.js'
export { ctcNeeds } from './generate/decode/ctc-length.js'
export { openCorpus, type Corpus, type CorpusOptions, type CorpusPart, type CorpusPhase } from './data/text/corpus.js'
export type { CorpusVocabularyKind } from './data/text/corpus-vocabulary.js'
export type { TextSize } from './data/text/parts.js'
export { tokensOf, type Tokens } from './data/text/tokens.js'
export {
  addSpecialTokens,
  bpeFromTokenizerJson,
  bpeToTokenizerJson,
  byteVocabulary,
  characterVocabulary,
  specialNames,
  trainBpe,
  vocabularyFromConfig,
  vocabularyFromText,
  wordVocabulary,
  type BpeText,
  type BpeTrainingOptions,
  type BpeVocabulary,
  type ByteVocabularyOptions,
  type CharacterVocabularyOptions,
  type DecodeOptions,
  type SpecialToken,
  type TokenizerJsonOptions,
  type Vocabulary,
  type VocabularyConfig,
  type WordVocabularyOptions
} from './data/text/vocabulary.js'
export {
  readCheckpoint,
  readCheckpointInfo,
  writeCheckpoint,
  writeCheckpointSync,
  type Checkpoint,
  type CheckpointInfo,
  type LoadedCheckpoint,
  type LoadedTensor,
  type PlaceTensor
} from './io/checkpoint.js'
export type { JsonObject, JsonValue } from './io/json.js'
export { openSafetensors, writeSafetensors, type SafetensorsFile } from './io/safetensors/file.js'
export { openEventLog, type EventLog, type EventLogOptions } from './io/logs/tfevents.js'
