// Programs that other tests run as processes of their own: node <this file> <what> <arguments>. No test by itself.
import * as fs from 'node:fs'
import { createBatches } from '../../src/data/batching/windows.js'
import { openCorpus } from '../../src/data/text/corpus.js'
import { writeAtomically, writeAtomicallySync } from '../../src/io/atomic.js'
import { writeCheckpoint } from '../../src/io/checkpoint.js'
import { openJsonLog } from '../../src/io/logs/jsonl.js'
import { lockFile, type FileLock } from '../../src/io/lock.js'
import { ownProcess, stateOf, type ProcessIdentity } from '../../src/io/owner.js'

const [what, path, kind] = process.argv.slice(2) as [string, string, 'character' | 'word' | 'bpe']

/** Writes checkpoints of a growing step until it is killed. */
async function writeForEver(): Promise<void> {
  const data = new Float32Array(100_000)
  for (let step = 0; ; step++) {
    data.fill(step)
    const weights = [{ name: 'w', shape: [data.length], data }]
    await writeCheckpoint(path, { task: 'text', config: {}, progress: { step }, weights })
    if (step === 0) process.stdout.write('ready\n')
  }
}

/** Waits for a line, appends lines beyond the limit that the process has by then, and prints the error's code. */
async function logTooMuch(): Promise<void> {
  process.on('SIGXFSZ', () => {})
  process.stdout.write('ready\n')
  await new Promise((resolve) => process.stdin.once('data', resolve))
  const log = openJsonLog(path)
  try {
    for (let step = 0; ; step++) log.write({ step, text: 'x'.repeat(777) })
  } catch (error) {
    process.stdout.write(String((error as { code?: unknown }).code))
  }
  process.stdin.destroy()
}

/** Waits for a line, writes more than the limit that the process has by then, both ways, and prints the errors' codes. */
async function writeTooMuch(): Promise<void> {
  // Without a listener the signal of the limit ends the process; with one, the write fails with EFBIG.
  process.on('SIGXFSZ' as NodeJS.Signals, () => {})
  process.stdout.write('ready\n')
  await new Promise((resolve) => process.stdin.once('data', resolve))
  const bytes = new Uint8Array(4 << 20)
  const codes: unknown[] = []
  const note = (error: unknown): void => void codes.push((error as { code?: unknown }).code)
  await writeAtomically(path, (file) => file.write(bytes)).catch(note)
  try {
    writeAtomicallySync(path, (file) => file.write(bytes))
  } catch (error) {
    note(error)
  }
  process.stdout.write(codes.join(' '))
  process.stdin.destroy()
}

/** Begins to write, and stays there until it is killed. */
async function beginToWrite(): Promise<void> {
  await writeAtomically(path, async (file) => {
    await file.write(new Uint8Array(1000))
    process.stdout.write('ready\n')
    await new Promise((resolve) => setTimeout(resolve, 1e6))
  })
}

/** Takes the lock of a file and prints a line, or prints the error's code and ends; SIGTERM ends it by process.exit. */
async function holdLock(): Promise<void> {
  process.on('SIGTERM', () => process.exit(1))
  try {
    lockFile(path)
  } catch (error) {
    process.stdout.write(String((error as { code?: unknown }).code))
    return
  }
  process.stdout.write('locked')
  await new Promise((resolve) => setTimeout(resolve, 1e6))
}

/**
 * Takes and releases the lock of a file until it is killed, and prints a plus for each time. While it has the lock, a file next to
 * it names this process; it prints the other process if that file names one that still runs.
 */
async function lockAgainAndAgain(): Promise<void> {
  const owner = `${path}.owner`
  const own = JSON.stringify(ownProcess())
  const read = () => (fs.existsSync(owner) ? fs.readFileSync(owner, 'utf8') : '')
  const pause = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  for (let round = 0; ; round++) {
    let lock: FileLock
    try {
      lock = lockFile(path)
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_BUSY') fs.writeSync(1, String(error))
      continue
    }
    const before = read()
    // Empty or cut off: its process was killed while it wrote.
    if (before.endsWith('}') && stateOf(JSON.parse(before) as ProcessIdentity) !== 'gone')
      fs.writeSync(1, `beside ${before}`)
    fs.writeFileSync(owner, own)
    pause(round % 3)
    if (read() !== own) fs.writeSync(1, `overwritten by ${read()}`)
    fs.unlinkSync(owner)
    lock.release()
    fs.writeSync(1, '+')
    pause(1)
  }
}

/** Reads a corpus through its cache file, every token once, and prints what it found and its peak memory in bytes. */
async function readCorpus(): Promise<void> {
  const corpus = await openCorpus([path], { memoryBytes: 1 << 20, vocabulary: kind })
  const batches = createBatches(corpus.all, { batch: 64, length: 128 })
  const inputs = new Int32Array(64 * 128)
  const targets = new Int32Array(64 * 128)
  let sum = 0
  for (let step = 0; step < batches.stepsPerEpoch; step++) {
    batches.fill({ epoch: 0, step }, inputs, targets)
    sum += inputs[step % inputs.length]!
  }
  const peak = process.resourceUsage().maxRSS * 1024
  process.stdout.write(JSON.stringify({ symbols: corpus.all.length, cached: corpus.cached, sum, peak }))
  corpus.close()
}

const programs: Record<string, () => Promise<void>> = {
  writeForEver,
  writeTooMuch,
  beginToWrite,
  logTooMuch,
  holdLock,
  lockAgainAndAgain,
  readCorpus
}
await programs[what]!()
