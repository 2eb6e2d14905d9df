// Reads ink files with the built package, in a process of its own, one after the other; prints what came of each as one JSON array.
// node --expose-gc test/data/ink/child.mjs ink|corpus <milliseconds until an abort, or -> <files>

const { readInk } = await import(new URL('../../../dist/esm/data/ink/read.js', import.meta.url).href)
const { openCorpus } = await import(new URL('../../../dist/esm/data/text/corpus.js', import.meta.url).href)

const { AbortSignal, gc } = globalThis
const [how, delay, ...paths] = process.argv.slice(2)
const signal = delay === '-' ? undefined : AbortSignal.timeout(Number(delay))
const before = process.resourceUsage().maxRSS
const ended = []
for (const path of paths) {
  gc()
  const used = process.cpuUsage()
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
  // The peak so far: no file may raise it above what one file may take.
  const mebibytes = Math.round((process.resourceUsage().maxRSS - before) / 1024)
  const { user, system } = process.cpuUsage(used)
  ended.push({ ...result, mebibytes, seconds: (user + system) / 1e6 })
}
console.log(JSON.stringify(ended))
