// The tasks: text here, handwriting in recipes-handwriting.ts.
import { tokensOf, vocabularyFromText } from '../../src/index.js'
import * as text from '../../src/tasks/text/index.js'
import { method, pure, recipe, type AnyRecipe } from './recipe.js'
import { handwritingRecipes } from './recipes-handwriting.js'
import { copy, dispose, loadOptions, modelOptions, run, signal, textRun, training, wordRun } from './recipes-runs.js'
import { textConfig } from './worlds.js'

type AnyFunction = (...values: unknown[]) => unknown

const traceOptions = () => ({ signal: signal() })

const textRecipes: AnyRecipe[] = [
  pure('text.textConfigFromJson', text.textConfigFromJson, () => [
    { ...copy(textConfig), training: { ...training, length: 4 } },
    'a file'
  ]),
  pure('text.textModel', text.textModel, () => [copy(textConfig), modelOptions()], { cost: 10, returns: 'Model' }),
  pure('text.learnAlphabet', text.learnAlphabet, () => [{ signal: signal(), onReport: () => {}, device: 'cpu' }], {
    cost: 2000,
    digest: () => ''
  }),
  pure(
    'text.evaluateText',
    text.evaluateText,
    () => [
      text.textModel(textConfig, { threads: 1 }),
      tokensOf([0, 1, 2, 0, 1, 2]),
      { signal: signal(), onProgress: () => {} }
    ],
    { cost: 20 }
  ),
  pure('text.loadTextModel', text.loadTextModel, () => ['text.safetensors', loadOptions()], {
    cost: 20,
    returns: 'LoadedText'
  }),
  method(
    'LoadedText',
    'dispose',
    () => text.loadTextModel('text.safetensors'),
    () => [],
    { cost: 20 }
  ),
  method(
    'LoadedText',
    'write',
    () => text.loadTextModel('text.safetensors'),
    () => [{ prompt: 'ab', seed: 1, temperature: 0.5, topK: 2, topP: 0.9 }],
    { cost: 10, dispose, pure: true, returns: 'Writer', digest: () => '' }
  ),
  pure(
    'text.writeText',
    text.writeText,
    () => [
      text.textModel(textConfig),
      vocabularyFromText('abc\n'),
      { prompt: 'ab', seed: 1, temperature: 0.5, topK: 2, topP: 0.9 }
    ],
    // A writer's stream throws where its logits are asked for before it has read a symbol.
    { cost: 20, returns: 'Writer', digest: () => '' }
  ),
  ...(['text', 'pieces'] as const).map((name) =>
    method(
      'Writer',
      name,
      () => text.writeText(text.textModel(textConfig), vocabularyFromText('abc\n'), { prompt: 'a' }),
      () => [name === 'text' ? 3 : { length: 3, signal: signal() }],
      { cost: 20, once: true }
    )
  ),
  recipe<text.LoadedText>({
    name: 'text.traceText',
    setup: () => text.loadTextModel('text.safetensors'),
    args: (loaded) => [loaded, 'abcabcab', traceOptions()],
    call: (_, given) => (text.traceText as AnyFunction)(...given),
    dispose,
    pure: true,
    cost: 40
  }),
  ...run('text', 'prepareTextRun', text.prepareTextRun, textRun),
  ...run('text', 'prepareTextRun', text.prepareTextRun, wordRun)
]

export const taskRecipes: AnyRecipe[] = [...textRecipes, ...handwritingRecipes]
