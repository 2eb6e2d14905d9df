// gatecell evaluate for a text model: a text in, nats per symbol out, and what narrow weights cost.

import { openCorpus } from '../../../data/text/corpus.js'
import type { Tokens } from '../../../data/text/tokens.js'
import { counted } from '../../../errors.js'
import type { LoadOptions } from '../../../tasks/runs/load.js'
import { evaluateText, loadTextModel, type TextMeasureOptions } from '../../../tasks/text/index.js'
import { loadOptions } from '../../options/engine.js'
import type { EvaluateFlags } from './flags.js'
import { duration, nats } from '../../ui/format.js'
import { readStdin, type Interrupts } from '../../ui/interrupt.js'
import { createOutput } from '../../ui/output.js'
import { createProgress } from '../../ui/progress.js'

export async function evaluateTextModel(
  path: string,
  text: string[],
  flags: EvaluateFlags,
  { signal, exitCode }: Interrupts
): Promise<number> {
  const options = loadOptions(flags)
  const output = createOutput(flags.json === true)
  const progress = await createProgress(output)
  using loaded = await loadTextModel(path, options)
  const { vocabulary, config, info, model } = loaded
  const { valid = config.split.valid, test = config.split.test, cacheDir } = flags
  const corpus = await openCorpus(text, {
    vocabulary,
    valid,
    test,
    signal,
    stdin: readStdin(signal),
    ...(cacheDir !== undefined && { cacheDir })
  })
  try {
    const tokens = corpus[flags.part]
    const onProgress = (done: number) => progress.show(`measuring on ${counted(tokens.length, 'symbol')}`, done)
    const measure = await evaluateText(model, tokens, { signal, onProgress })
    const narrow = flags.weights !== undefined && flags.weights !== 'f32'
    // The same measure with the weights as they are in the file: what narrow ones are compared with.
    const full = narrow ? await measureInFull(path, tokens, options, { signal, onProgress }) : null
    progress.clear()
    output.record({
      task: info.task,
      nats: measure.nats,
      bits: measure.bits,
      tokens: measure.tokens,
      part: flags.part,
      seconds: measure.seconds,
      ...(full && { weights: flags.weights!, f32_nats: full.nats, cost_nats: measure.nats - full.nats })
    })
    output.line(`${nats(measure.nats)} nats, ${nats(measure.bits)} bits a symbol`)
    output.line(
      `over ${counted(measure.tokens, 'symbol')} (${flags.part}), one stream, in ${duration(measure.seconds)}`
    )
    if (full)
      output.line(`${flags.weights!} weights cost ${nats(measure.nats - full.nats)} nats: f32 gives ${nats(full.nats)}`)
    return exitCode
  } finally {
    progress.clear()
    corpus.close()
  }
}

async function measureInFull(path: string, tokens: Tokens, options: LoadOptions, how: TextMeasureOptions) {
  using loaded = await loadTextModel(path, { ...options, precision: 'f32' })
  return await evaluateText(loaded.model, tokens, how)
}
