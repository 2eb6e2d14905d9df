// The entries of the package as programs import them, by the name after `gatecell/`.
import * as captions from '../../src/tasks/captions/index.js'
import * as forecast from '../../src/tasks/forecast/index.js'
import * as music from '../../src/tasks/music/index.js'
import * as numbers from '../../src/tasks/numbers/index.js'
import * as translation from '../../src/tasks/translation/index.js'
import * as recognition from '../../src/tasks/handwriting-recognition/index.js'
import * as synthesis from '../../src/tasks/handwriting-synthesis/index.js'
import * as text from '../../src/tasks/text/index.js'
import * as ink from '../../src/data/ink/index.js'
import * as engine from '../../src/index.js'
import * as plot from '../../src/plot/index.js'
import * as serve from '../../src/serve/index.js'
import * as interop from '../../src/interop/index.js'

/** Entries by name; '' is `gatecell`. `test/index.test.ts` holds that these are the entries of package.json. */
export const entries: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  '': engine,
  text,
  forecast,
  music,
  numbers,
  translation,
  captions,
  'handwriting-recognition': recognition,
  'handwriting-synthesis': synthesis,
  ink,
  plot,
  serve,
  interop
}
