// The task `music`: a model of the notes of pieces, which composes.

import { defineTask, type LoadTask } from '../define-task.js'
import { defineVerb } from '../verb.js'
import { MUSIC_TASK, musicEvaluationSettings, musicNetworkSettings, musicTrainingSettings } from './settings.js'
import { composeRecords, composeSettings } from './use-settings.js'

type LoadMusic = LoadTask<typeof musicNetworkSettings>

const NOTES = `
Examples:
  gatecell train music midi/ --out mine.safetensors
  gatecell train music chorales.json --out bach.safetensors --grid quarter --members 3 --transpose 0
  gatecell train music voices.json --form voices --out choir.safetensors
  gatecell train music piano/ --form events --layers 1 --hidden 512 --batch 16 --out piano.safetensors

A JSON file of piano rolls has its parts: {"train": [...], "valid": [...], "test": [...]}, each a list of pieces, a piece a list of steps, a step the
MIDI numbers that sound; for the form voices four numbers from the highest voice down, -1 for a rest. MIDI files are cut into steps of --grid, and a
checksum of a file's name decides whether it trains, validates or tests. Pieces are transposed in training unless --transpose is 0.`

const COMPOSE_NOTES = `
Examples:
  gatecell compose bach.safetensors --out piece.mid --svg piece.svg --wav piece.wav --seed 3
  gatecell compose bach.safetensors --prompt theme.mid --out piece.mid --temperature 0.9
  gatecell compose choir.safetensors --harmonise soprano.mid --out hymn.mid
  gatecell compose piano.safetensors --seconds 60 --out piece.mid

A prompt is cut into the steps of the model. The piece begins with it unless --only-new is given. In the form events notes that are not released end
after 5 seconds or with the piece.`

const EVALUATION_NOTES = `
Examples:
  gatecell evaluate bach.safetensors chorales.json
  gatecell evaluate piano.safetensors piano/ --compose 20

A model of music is measured in nats per step: minus the logarithm of the probability of the notes of a step after all steps before it, in the mean
over all steps of all pieces, the first step of a piece included. Nats per note are the same sum divided by the number of notes. In the form events a
step is an event, and a note is a press. --compose prints figures of composed pieces next to those of the part, whose pieces are as long.`

const compose = (load: LoadMusic) =>
  defineVerb({
    name: 'compose',
    description: 'Composes a piece with a trained model of music.',
    words: [],
    settings: composeSettings,
    records: composeRecords,
    requires: { prompt: ['onlyNew'], harmonise: ['particles'] },
    notes: COMPOSE_NOTES,
    code: async () => (await import('./compose.js')).composeCode(load)
  })

/** The task of models of music. */
export const musicEntry = defineTask({
  id: MUSIC_TASK,
  summary: 'learn to compose like pieces of music',
  description: 'Trains an LSTM network to predict the notes of each step of a piece of music.',
  data: ['<music...>', 'MIDI files, folders of them, or piano rolls as JSON'],
  unit: 'steps',
  counted: 'step',
  lossUnit: 'nats per symbol',
  measures: [
    { name: 'nats_per_step', unit: 'nats', better: 'lower' },
    { name: 'nats_per_note', unit: 'nats', better: 'lower' }
  ],
  network: musicNetworkSettings,
  training: musicTrainingSettings,
  notes: NOTES,
  next: 'compose MODEL --out piece.mid',
  verbs: (load) => [compose(load)],
  evaluation: {
    settings: musicEvaluationSettings,
    requires: { compose: ['seed', 'temperature', 'topP'] },
    notes: EVALUATION_NOTES
  },
  code: async () => (await import('./code.js')).musicCode
})
