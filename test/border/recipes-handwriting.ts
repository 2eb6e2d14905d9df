// Reading and writing of handwriting.
import { addSpecialTokens, vocabularyFromText } from '../../src/index.js'
import * as recognition from '../../src/tasks/handwriting-recognition/index.js'
import * as synthesis from '../../src/tasks/handwriting-synthesis/index.js'
import { loadTextModel, type LoadedText } from '../../src/tasks/text/index.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { copy, dispose, synthesisRun, loadOptions, modelOptions, recognitionRun, run, signal } from './recipes-runs.js'
import { synthesisConfig, inks, memoryless, offsets, recognitionConfig, vocabulary } from './worlds.js'

type AnyFunction = (...values: unknown[]) => unknown

const traceOptions = () => ({ signal: signal() })

const { writtenInk } = synthesis
const writerVocabulary = addSpecialTokens(vocabulary, ['end'])
const readerVocabulary = addSpecialTokens(vocabulary, ['blank'])
const loadReader = () => recognition.loadReader('reader.safetensors')
const loadWriter = () => synthesis.loadWriter('writer.safetensors')
let style: synthesis.WritingStyle | undefined

const writing: AnyRecipe[] = [
  pure('handwriting-synthesis.fitMemoryless', synthesis.fitMemoryless, () => [copy(offsets), 2]),
  pure('handwriting-synthesis.measureMemoryless', synthesis.measureMemoryless, () => [copy(memoryless), copy(offsets)]),
  pure(
    'handwriting-synthesis.synthesisConfigFromJson',
    synthesis.synthesisConfigFromJson,
    () => [copy(synthesisConfig), 'a file'],
    {
      accepts: ['0.vocabulary=null', '0.split.where=*']
    }
  ),
  pure(
    'handwriting-synthesis.writtenInk',
    writtenInk,
    () => [
      inks.map((ink) => ({ ...ink })),
      writerVocabulary,
      { normalisation: copy(synthesisConfig.normalisation) },
      () => {}
    ],
    // The last argument takes the errors of samples that are none.
    { accepts: ['0.0*', '0.1*', '1=null', '1.config*'] }
  ),
  pure(
    'handwriting-synthesis.synthesisModel',
    synthesis.synthesisModel,
    () => [copy(synthesisConfig), modelOptions()],
    {
      cost: 20,
      returns: 'Model',
      accepts: ['0.vocabulary=null']
    }
  ),
  pure(
    'handwriting-synthesis.measureSynthesis',
    synthesis.measureSynthesis,
    () => [
      synthesis.synthesisModel(synthesisConfig, { threads: 1 }),
      copy(synthesisConfig),
      writtenInk(inks, writerVocabulary, synthesisConfig),
      { signal: signal() }
    ],
    { cost: 60 }
  ),
  pure(
    'handwriting-synthesis.loadWriter',
    synthesis.loadWriter,
    () => ['writer.safetensors', { threads: 1, device: 'cpu' }],
    {
      cost: 30,
      returns: 'LoadedWriter'
    }
  ),
  recipe<synthesis.LoadedWriter>({
    name: 'LoadedWriter.write',
    async setup() {
      const writer = await loadWriter()
      style ??= await writer.style(inks[0]!)
      return writer
    },
    args: () => [{ text: 'lv', bias: 1, seed: 2, style: copy(style), points: 5, signal: signal(), partial: true }],
    call: (writer, given) => (writer.write as (...values: unknown[]) => unknown)(...given),
    dispose,
    pure: true,
    cost: 20
  }),
  method('LoadedWriter', 'style', loadWriter, () => [{ ...inks[0]! }, { signal: signal() }], {
    cost: 20,
    dispose,
    pure: true
  }),
  method('LoadedWriter', 'dispose', loadWriter, () => [], { cost: 30 }),
  recipe<{ writer: synthesis.LoadedWriter; reader: recognition.LoadedReader; dispose(): void }>({
    name: 'handwriting-synthesis.measureLegibility',
    async setup() {
      const [writer, reader] = [await loadWriter(), await loadReader()]
      return { writer, reader, dispose: () => [writer, reader].forEach((one) => one.dispose()) }
    },
    args: ({ writer, reader }) => [
      writer,
      reader,
      ['lv', 'z'],
      { bias: 1, seed: 2, signal: signal(), onProgress: () => {} }
    ],
    call: (_, given) => (synthesis.measureLegibility as AnyFunction)(...given),
    digest: (_, result) => (result as synthesis.Legibility).cer,
    dispose,
    pure: true,
    cost: 100
  }),
  ...run('handwriting-synthesis', 'prepareSynthesisRun', synthesis.prepareSynthesisRun, synthesisRun)
]

const space = 'handwriting-recognition'

const inkTrace: recognition.InkTrace = {
  text: 'l',
  truth: 'l',
  points: [
    { x: 0, y: 0, stroke: 0 },
    { x: 1, y: 1, stroke: 0 },
    { x: 2, y: 0, stroke: 1 }
  ],
  letters: [{ symbol: 'l', step: 1, probability: 0.9, gradient: [0.1, 0.2, 0.3] }],
  probabilities: { l: [0.1, 0.9, 0.2], '': [0.9, 0.1, 0.8] },
  layers: [{ name: 'l0', cells: [[0, 0.5, 1], [1, 0, -1]], forget: [0.9, 0.8] }] // prettier-ignore
}

const reading: AnyRecipe[] = [
  pure(
    `${space}.recognitionConfigFromJson`,
    recognition.recognitionConfigFromJson,
    () => [copy(recognitionConfig), 'a file'],
    {
      accepts: ['0.split.where=*']
    }
  ),
  pure(
    `${space}.labelInk`,
    recognition.labelInk,
    () => [
      inks.map((ink) => ({ ...ink })),
      readerVocabulary,
      { normalisation: copy(recognitionConfig.normalisation) },
      () => {}
    ],
    { accepts: ['0.0*', '0.1*', '1.config*'] }
  ),
  pure(`${space}.recognitionModel`, recognition.recognitionModel, () => [copy(recognitionConfig), modelOptions()], {
    cost: 20,
    returns: 'Model'
  }),
  pure(
    `${space}.measureRecognition`,
    recognition.measureRecognition,
    () => [
      recognition.recognitionModel(recognitionConfig, { threads: 1 }),
      copy(recognitionConfig),
      recognition.labelInk(inks, readerVocabulary, recognitionConfig),
      { signal: signal(), onProgress: () => {} }
    ],
    { cost: 60, accepts: ['2.0.ink.text=null', '2.1.ink.text=null'] }
  ),
  pure(`${space}.loadReader`, recognition.loadReader, () => ['reader.safetensors', loadOptions()], {
    cost: 30,
    returns: 'LoadedReader'
  }),
  method('LoadedReader', 'read', loadReader, () => [{ ...inks[0]! }, { beam: 4, best: 2, signal: signal() }], {
    cost: 20,
    dispose,
    pure: true,
    accepts: ['0.text=null']
  }),
  method('LoadedReader', 'scores', loadReader, () => [{ ...inks[0]! }], {
    cost: 20,
    dispose,
    pure: true,
    accepts: ['0.text=null']
  }),
  method('LoadedReader', 'pen', loadReader, () => [{ beam: 4 }], {
    cost: 20,
    dispose,
    pure: true,
    returns: 'PenReader'
  }),
  method('LoadedReader', 'dispose', loadReader, () => [], { cost: 30 }),
  recipe<recognition.LoadedReader>({
    name: `${space}.traceInk`,
    setup: loadReader,
    args: (reader) => [reader, { ...inks[0]! }, traceOptions()],
    call: (_, given) => (recognition.traceInk as AnyFunction)(...given),
    dispose,
    pure: true,
    cost: 60,
    accepts: ['1.text=null']
  }),
  pure(`${space}.traceSvg`, recognition.traceSvg, () => [copy(inkTrace), { moving: true, layer: 'l0' }], {
    accepts: ['0.truth=null']
  }),
  pure(`${space}.lexicon`, recognition.lexicon, () => [['lv', 'zt lv'], readerVocabulary], {
    accepts: ['1.config*'],
    digest: () => ''
  }),
  recipe<LoadedText>({
    name: `${space}.textScorer`,
    setup: () => loadTextModel('text.safetensors'),
    args: (loaded) => [loaded, addSpecialTokens(vocabularyFromText('abc'), ['blank']), { weight: 0.5, insertion: 1 }],
    call: (_, given) => (recognition.textScorer as AnyFunction)(...given),
    digest: () => '',
    dispose,
    pure: true,
    cost: 30,
    accepts: ['1.config*']
  }),
  pure(
    `${space}.createPenReader`,
    recognition.createPenReader,
    () => [recognition.recognitionModel(recognitionConfig), copy(recognitionConfig), { beam: 4 }],
    {
      cost: 30
    }
  ),
  ...(['down', 'up', 'best'] as const).map((name) =>
    method(
      'PenReader',
      name,
      () => {
        const pen = recognition.createPenReader(recognition.recognitionModel(recognitionConfig), recognitionConfig, {
          beam: 4
        })
        pen.down(0, 0, 0)
        return pen
      },
      () => ({ down: [10, 5, 1], up: [], best: [2] })[name],
      { cost: 20 }
    )
  ),
  ...run(space, 'prepareRecognitionRun', recognition.prepareRecognitionRun, recognitionRun)
]

export const handwritingRecipes: AnyRecipe[] = [...writing, ...reading]
