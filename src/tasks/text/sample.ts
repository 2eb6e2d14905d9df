// Sampling from a text model: a prompt in, text out.

import type { Values } from '../../settings/index.js'
import { engineOptions } from '../runs/settings.js'
import type { ModelInput, TaskContext } from '../task.js'
import { loadTextModel } from './load.js'
import type { sampleSettings } from './use-settings.js'

/** Prints a text while it is drawn, or one record with all of it if records are printed. */
export async function sampleText(
  { model: file, options }: ModelInput<Values<typeof sampleSettings>>,
  { output, signal }: TaskContext
): Promise<void> {
  const { prompt, length, temperature, topK, topP, seed } = options
  using loaded = await loadTextModel(file, engineOptions(options))
  const writer = loaded.write({ prompt, temperature, topK, topP, seed })
  const pieces: string[] = []
  const begin = performance.now()
  if (!output.json) await output.write(prompt)
  try {
    for await (const piece of writer.pieces({ length, signal })) {
      if (output.json) pieces.push(piece)
      else await output.write(piece)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  const seconds = (performance.now() - begin) / 1000
  if (!output.json) await output.write('\n')
  output.record({
    event: 'sample',
    task: loaded.info.task,
    prompt,
    text: pieces.join(''),
    length: writer.count,
    seed,
    temperature,
    top_k: topK,
    top_p: topP,
    seconds,
    tokens_per_second: Math.round(writer.count / Math.max(seconds, 1e-9))
  })
}
