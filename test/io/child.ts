// Programs that other tests run as processes of their own: node <this file> <what> <arguments>. No test by itself.
import { writeAtomically, writeAtomicallySync } from '../../src/io/atomic.js'
import { writeCheckpoint } from '../../src/io/checkpoint.js'

const [what, path] = process.argv.slice(2) as [string, string]

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

const programs: Record<string, () => Promise<void>> = { writeForEver, writeTooMuch, beginToWrite }
await programs[what]!()
