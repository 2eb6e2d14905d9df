// Files: checkpoints, safetensors, event logs, corpora, ink.
import * as inkEntry from '../../src/data/ink/index.js'
import * as api from '../../src/index.js'
import { attentionPlacesSvg, attentionSvg, inkSvg } from '../../src/plot/index.js'
import { method, pure, type AnyRecipe } from './recipe.js'
import { inks } from './worlds.js'

const named = () => [
  { name: 'a', shape: [2, 2], data: new Float32Array(4).fill(1) },
  { name: 'b', shape: [3], data: new Uint16Array(3), dtype: 'BF16' }
]
const state = () => [{ name: 's', shape: [2], data: new Float32Array(2) }]
const checkpoint = () => {
  const weights = [{ name: 'a', shape: [2, 2], data: new Float32Array(4).fill(1) }]
  return {
    task: 'text',
    config: { list: [1, null, 'x', { deep: true }] },
    progress: { step: 1 },
    weights,
    moment1: weights,
    moment2: weights,
    moment3: weights,
    average: weights,
    state: state()
  }
}
const opened = () => api.openSafetensors('reader.safetensors')
const close = (file: { close(): unknown }): void => void file.close()

let logs = 0
const log = () => api.openEventLog(`logs/${logs++}`)

const slow = { cost: 10 } as const
/** Any JSON may be in a configuration, and any number as a step. */
const json = { ...slow, accepts: ['1.config.*', '1.progress.*'] } as const
const files: AnyRecipe[] = [
  pure(
    'readCheckpoint',
    api.readCheckpoint,
    () => ['reader.safetensors', { task: 'handwriting-recognition', place: () => null }],
    {
      ...slow,
      accepts: ['1.place=null']
    }
  ),
  pure(
    'readCheckpointInfo',
    api.readCheckpointInfo,
    () => ['reader.safetensors', { task: 'handwriting-recognition' }],
    slow
  ),
  pure('writeCheckpoint', api.writeCheckpoint, () => ['out.safetensors', checkpoint()], json),
  pure('writeCheckpointSync', api.writeCheckpointSync, () => ['out.safetensors', checkpoint()], json),
  pure('writeSafetensors', api.writeSafetensors, () => ['out.safetensors', named(), { key: 'value' }], slow),
  pure('openSafetensors', api.openSafetensors, () => ['reader.safetensors'], { ...slow, returns: 'SafetensorsFile' }),
  method('SafetensorsFile', 'read', opened, () => ['head.bias'], { ...slow, dispose: close, pure: true }),
  method('SafetensorsFile', 'readInto', opened, () => ['head.bias', new Float32Array(5)], {
    ...slow,
    dispose: close,
    pure: true
  }),
  method('SafetensorsFile', 'readBytes', opened, () => [3, new Uint8Array(5)], { ...slow, dispose: close, pure: true }),
  method('SafetensorsFile', 'close', opened, () => [], { ...slow, dispose: close }),
  pure('openEventLog', api.openEventLog, () => ['log', { resumeStep: 3, now: () => 1 }], {
    ...slow,
    returns: 'EventLog',
    digest: () => ''
  }),
  method('EventLog', 'scalar', log, () => ['loss', 0.5, 3, 17], { ...slow, dispose: close, accepts: ['1=NaN'] }),
  method('EventLog', 'flush', log, () => [], { ...slow, dispose: close }),
  method('EventLog', 'close', log, () => [], slow),
  pure(
    'openCorpus',
    api.openCorpus,
    () => [
      ['text.txt'],
      {
        vocabulary: 'character',
        minCount: 1,
        valid: 0.1,
        test: 0.1,
        validFiles: ['text.txt'],
        cacheDir: '.',
        memoryBytes: 1e6,
        onSkip: () => {},
        onProgress: () => {},
        signal: new AbortController().signal,
        stdin: process.stdin
      }
    ],
    { cost: 30, returns: 'Corpus', accepts: ['1.vocabulary=object'] }
  ),
  pure(
    'openCorpus',
    api.openCorpus,
    () => [['text.txt'], { vocabulary: 'word', vocabularySize: 2, minCount: 1, valid: 0.1, test: 0 }],
    { cost: 30, returns: 'Corpus' }
  ),
  method(
    'Corpus',
    'close',
    () => api.openCorpus(['text.txt'], { memoryBytes: 0 }),
    () => [],
    { cost: 30 }
  )
]

const ink: AnyRecipe[] = [
  pure(
    'ink.createInk',
    inkEntry.createInk,
    () => [
      [
        [
          [0, 0, 1],
          [1, 1, 2]
        ],
        [[2, 0, 3]]
      ],
      { text: 'l', fields: { writer: 'me' }, source: 'a test', yDown: true }
    ],
    { accepts: ['1.text=null'] }
  ),
  pure('ink.inkPoints', inkEntry.inkPoints, () => [inks[0]!.strokes.map((stroke) => ({ ...stroke }))]),
  pure('ink.syntheticInk', inkEntry.syntheticInk, () => [2, { seed: 1, least: 2, most: 3 }]),
  pure('plot.attentionSvg', attentionSvg, () => [
    { source: ['a', 'b'], target: ['c'], weights: [Float32Array.of(0.25, 0.75)] },
    { title: 'an attention' }
  ]),
  pure('plot.attentionPlacesSvg', attentionPlacesSvg, () => [
    {
      words: ['a', 'b'],
      rows: 1,
      columns: 2,
      weights: [Float32Array.of(0.25, 0.75), [1, 0]],
      picture: { width: 2, height: 1, rgb: new Uint8Array(6) }
    },
    { title: 'places' }
  ]),
  pure('plot.inkSvg', inkSvg, () => [
    inks[0]!.strokes.map((stroke) => ({ ...stroke })),
    { width: 200, moving: true, pointsPerSecond: 100, title: 'ink' }
  ]),
  pure(
    'ink.readInk',
    inkEntry.readInk,
    () => [
      ['ink.ndjson'],
      {
        y: 'up',
        level: 'WORD',
        onBad: () => {},
        onSkip: () => {},
        signal: new AbortController().signal,
        stdin: process.stdin
      }
    ],
    { cost: 20 }
  )
]

export const fileRecipes: AnyRecipe[] = [...files, ...ink]
