// Microseconds of a step of a stream and of a session, of one build of gatecell against another, in turn:
//   node bench/lab/stepping.mjs [dist of one build] [dist of another one] ...
// Prints the smallest time of many short rounds, which a busy machine disturbs least.
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const builds = process.argv.length > 2 ? process.argv.slice(2) : ['dist']
const VOCABULARY = 100
const STEPS = 100
const ROUNDS = 200
const TURNS = 3

async function load(dist) {
  const gatecell = await import(pathToFileURL(resolve(dist, 'esm/index.js')))
  gatecell.setThreads(1)
  return gatecell
}

/** Returns the rounds to measure by name; each makes STEPS steps. */
function roundsOf({ createSession, crossEntropy, defineModel, embedding, i32, linear, lstm }, hidden) {
  const model = defineModel(
    {
      name: 'text',
      config: {},
      inputs: { tokens: i32('length', 'batch') },
      targets: { targets: i32('length', 'batch') },
      forward: ({ tokens }) => {
        const x = embedding(tokens, { name: 'embedding', vocabulary: VOCABULARY, size: 32 })
        const { output } = lstm(x, { name: 'lstm', hidden, layers: 1, carry: true })
        return { logits: linear(output, { name: 'head', size: VOCABULARY }) }
      },
      loss: ({ logits }, { targets }) => crossEntropy(logits, targets),
      stream: { token: 'tokens', logits: 'logits' }
    },
    { seed: 1, threads: 1 }
  )
  const stream = model.stream({ seed: 1 })
  const session = createSession(model)
  const tokens = new Int32Array(1)
  const inputs = { tokens }
  stream.step(1)
  return {
    'stream.step': () => {
      for (let i = 0; i < STEPS; i++) stream.step(i % VOCABULARY)
    },
    'stream.sample(100)': () => stream.sample(STEPS),
    'stream.sample(1)': () => {
      for (let i = 0; i < STEPS; i++) stream.sample(1)
    },
    'stream.generate': async () => {
      const blocks = stream.generate({ length: 8 * STEPS })
      while (!(await blocks.next()).done);
    },
    'stream.feed(100)': () => stream.feed(new Int32Array(STEPS)),
    'session.stepSync': () => {
      for (let i = 0; i < STEPS; i++) {
        tokens[0] = i % VOCABULARY
        session.stepSync(inputs)
      }
    }
  }
}

async function measure(dist) {
  const gatecell = await load(dist)
  const found = {}
  for (const hidden of [128, 256])
    for (const [name, round] of Object.entries(roundsOf(gatecell, hidden))) {
      const steps = name === 'stream.generate' ? 8 * STEPS : STEPS
      let least = Infinity
      for (let i = 0; i < ROUNDS; i++) {
        const begin = performance.now()
        await round()
        least = Math.min(least, performance.now() - begin)
      }
      found[`1x${hidden} ${name}`] = (1000 * least) / steps
    }
  return found
}

// Each build has processes of its own: in one process, the places of two models in memory change their times by a tenth.
if (process.env.STEPPING_BUILD !== undefined) console.log(JSON.stringify(await measure(process.env.STEPPING_BUILD)))
else {
  const least = builds.map(() => ({}))
  for (let turn = 0; turn < TURNS; turn++)
    for (const [at, dist] of builds.entries()) {
      const env = { ...process.env, STEPPING_BUILD: dist }
      const found = JSON.parse(execFileSync(process.execPath, [process.argv[1]], { env, encoding: 'utf8' }))
      for (const [name, time] of Object.entries(found)) least[at][name] = Math.min(least[at][name] ?? Infinity, time)
    }
  for (const name of Object.keys(least[0])) {
    const shown = least.map((times) => times[name].toFixed(2).padStart(8)).join('')
    console.log(`${name.padEnd(26)}${shown} us`)
  }
}
