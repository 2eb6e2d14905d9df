// Reads one ink file with the built package, in a process of its own; prints what came as one line of JSON. No test by itself.
// node test/data/ink/child.mjs <file> [milliseconds until an abort]

const { readInk } = await import(new URL('../../../dist/esm/data/ink/read.js', import.meta.url).href)
const { openCorpus } = await import(new URL('../../../dist/esm/data/text/corpus.js', import.meta.url).href)

const { AbortSignal } = globalThis
const [path, how, delay] = process.argv.slice(2)
const signal = delay === undefined ? undefined : AbortSignal.timeout(Number(delay))
const before = process.resourceUsage().maxRSS
let result
try {
  if (how === 'corpus') {
    const corpus = await openCorpus([path], { signal })
    result = { symbols: corpus.all.length }
    corpus.close()
  } else {
    const samples = await readInk([path], { signal })
    result = { samples: samples.length }
  }
} catch (error) {
  result = { code: error.code ?? String(error), message: error.message }
}
console.log(JSON.stringify({ ...result, mebibytes: Math.round((process.resourceUsage().maxRSS - before) / 1024) }))
