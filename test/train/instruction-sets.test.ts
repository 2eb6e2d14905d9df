// One training under every instruction set this machine has: the same checkpoint bytes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { machineInfo } from '../../src/index.js'
import { compiledProgram, plainEnvironment } from '../compiled.js'

const order = process.arch === 'arm64' ? ['scalar', 'neon'] : ['scalar', 'avx2', 'avx512']
const script = compiledProgram('test/train/print-run')

async function run(isa: string, threads: number): Promise<string> {
  const env = { ...plainEnvironment(), GATECELL_ISA: isa }
  const child = spawn(process.execPath, [script, String(threads)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(child, 'close')
  return text.trim()
}

t.test('every instruction set trains to the same bits', async (t) => {
  const here = order.slice(0, order.indexOf(machineInfo().isaFound) + 1)
  const results = await Promise.all(here.map((isa, i) => run(isa, i + 1)))
  results.forEach((result, i) => t.match(result, new RegExp(`^${here[i]} [0-9a-f]{64}$`)))
  t.equal(new Set(results.map((result) => result.split(' ')[1])).size, 1)
})
