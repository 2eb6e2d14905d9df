// The progress line fits the terminal, and rate and time left are the last texts to go.

import t from 'tap'
import { barLine } from '../../../src/cli/ui/progress.js'

const texts = ['loss 1.4848', 'valid 1.5012', '61.2k symbols/s', '1m12s left']

t.test('every width', async (t) => {
  for (let columns = 1; columns <= 200; columns++)
    for (const done of [0, 0.5, 1, 1.2, NaN])
      t.ok(barLine(columns, done, texts).length < Math.max(columns, 1), `${columns}`)
})

t.test('what stays', async (t) => {
  t.match(barLine(100, 0.5, texts), /^ {2}\u2588{12}\u2591{12} 50% \| loss.*valid.*symbols\/s \| 1m12s left$/)
  for (const columns of [40, 60, 64, 72, 80])
    t.match(barLine(columns, 0.5, texts), /61\.2k symbols\/s \| 1m12s left$/, `${columns}`)
  t.match(barLine(60, 0.5, texts), /50% \| .*valid 1\.5012/, 'at 60 columns losses still fit, the bar does not')
  t.equal(barLine(39, 1, texts), '  100% | 61.2k symbols/s | 1m12s left')
})
