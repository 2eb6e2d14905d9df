// A stream of tokens over a session: carried states, a position and settings of the sampler. It makes one native call for each token,
// allocates nothing in a step, and is a value of a few KB that can be copied, saved and restored.

import { numbers } from '../check/index.js'
import { expected } from '../errors.js'
import { probabilities } from './probabilities.js'
import { changeSettings, defaultSettings } from './settings.js'
import { checkReady, draw, drawBlocks } from './stream-drawing.js'
import { streamKind, type TokenModel } from './stream-kind.js'
import { readAway, readSome, readToken } from './stream-reading.js'
import * as types from './stream-types.js'
import type { Stream, StreamOptions } from './stream-types.js'
import { StreamValue } from './stream-value.js'

/** Makes a stream of `model` (see Stream). Throws ERR_UNSUPPORTED if the model does not define a stream of tokens, and ERR_DISPOSED. */
export function createStream(model: TokenModel, streamOptions: StreamOptions = {}): Stream {
  const options = types.readStreamOptions(streamOptions, 'the options of the stream')
  if (model.parameters.disposed)
    throw expected('ERR_DISPOSED', 'a live model', 'one that was disposed of', 'make or load it again')
  const settings = changeSettings(options.snapshot?.settings ?? defaultSettings, options)
  const value = new StreamValue(streamKind(model), settings)
  if (options.snapshot) value.restore(options.snapshot)
  return streamOf(value)
}

function streamOf(value: StreamValue): Stream {
  const stream: Stream = {
    get settings() {
      return value.settings
    },
    get position() {
      return value.position
    },
    get state() {
      return value.states
    },
    set state(states) {
      value.states = states
    },
    feed(ids) {
      const tokens = numbers(ids, 'tokens')
      for (let at = 0; at < tokens.length;) at = readSome(value, tokens, at)
    },
    async prime(ids, primeOptions = {}) {
      const tokens = numbers(ids, 'tokens')
      const { signal } = types.readPrimeOptions(primeOptions, 'the options of prime')
      for (let at = 0; at < tokens.length;) at = await value.inSeat(signal, () => readAway(value, tokens, at))
    },
    step: (id) => readToken(value, id),
    get logits() {
      checkReady(value)
      return value.logits
    },
    probabilities: () => probabilities(stream.logits, value.settings),
    sample: (count, sampleOptions = {}) =>
      draw(value, count, types.readSampleOptions(sampleOptions, 'the options of sample')),
    async *generate(generateOptions = {}) {
      yield* drawBlocks(value, types.readGenerateOptions(generateOptions, 'the options of generate'))
    },
    set: (change) => value.set(changeSettings(value.settings, types.readSettings(change, 'the settings'))),
    reset: () => value.reset(),
    snapshot: () => value.snapshot(),
    clone: () => streamOf(value.clone())
  }
  return stream
}
