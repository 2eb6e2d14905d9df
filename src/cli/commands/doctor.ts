// gatecell doctor: a report of this machine and installation, of the parts in use and the reasons. The engine and the CUDA library are
// tried in processes of their own first, so that a binary or a driver that crashes is a line of the report.

import { spawn } from 'node:child_process'
import { freemem, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { counted, GatecellError } from '../../errors.js'
import { backends, machineInfo, type Backend } from '../../machine.js'
import { here } from '../../here.js'
import type { JsonObject } from '../../io/json.js'
import { addonReport, packageInfo, type MachineInfo } from '../../native.js'
import { groupMemoryLimit } from '../../tasks/runs/memory-limit.js'
import { learnAlphabet } from '../../tasks/text/training/alphabet.js'
import { bytes } from '../../format.js'
import { findLibrary } from '../../ranks/library.js'
import { launcherOf } from '../../ranks/launcher.js'
import { asTyped } from '../ui/command-line.js'
import { createOutput, exitCodes, type Output } from '../ui/output.js'
import { shortVersion } from '../ui/ranks.js'
import { descriptions } from './descriptions.js'

const EXAMPLES = `
Example:
  gatecell doctor --json`

interface Trial {
  addon: { file: string | null; attempts: { file: string; reason: string }[]; problem: string | null }
  machine: MachineInfo | null
  self_test: { ok: boolean; detail: string }
}

/** Adds the command. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description(descriptions.doctor)
    .option('--json', 'one JSON object')
    .addHelpText('after', asTyped(EXAMPLES))
    .action(async (flags: { json?: true }) => {
      if (process.env[TRIAL] === 'cuda') return await tryCuda()
      if (process.env[TRIAL] === 'ranks') return tryRanks()
      if (process.env[TRIAL] !== undefined) return await tryEngine()
      const output = createOutput(flags.json === true)
      const report = diagnose(await runTrial(), await runCudaTrial(), await runRanksTrial())
      output.record(report)
      show(report, output)
      process.exitCode = report.healthy ? exitCodes.ok : exitCodes.failed
    })
}

const TRIAL = 'GATECELL_DOCTOR_TRIAL'

/** Loads the addon in the child, learns the alphabet and prints the result. */
async function tryEngine(): Promise<void> {
  const addon = addonReport()
  let machine: MachineInfo | null = null
  let test = { ok: false, detail: 'the addon did not load' }
  if (addon.problem === null) {
    try {
      machine = machineInfo()
      const { steps, seconds, recited } = await learnAlphabet()
      test = {
        ok: true,
        detail: `learned the alphabet in ${counted(steps, 'step')}, ${seconds.toFixed(2)} s: ${recited}`
      }
    } catch (error) {
      test = { ok: false, detail: error instanceof GatecellError ? `${error.code}: ${error.message}` : String(error) }
    }
  }
  const trial: Trial = { addon, machine, self_test: test }
  process.stdout.write(JSON.stringify(trial))
}

/** Opens the CUDA library in the child, and if there is a device learns the alphabet on it. */
async function tryCuda(): Promise<void> {
  const { cuda } = backends()
  const backend: Backend = { available: cuda.available, reason: cuda.reason }
  if (cuda.available) {
    try {
      const { steps, seconds } = await learnAlphabet({ device: 'cuda' })
      backend.reason += `: learned the alphabet in ${counted(steps, 'step')}, ${seconds.toFixed(2)} s`
    } catch (error) {
      backend.available = false
      backend.reason += `, but the self-test failed: ${error instanceof Error ? error.message : String(error)}`
    }
  }
  process.stdout.write(JSON.stringify(backend))
}

/** The launcher of this process, and the MPI library that would join it with others. */
interface RanksTrial {
  launcher: string | null
  rank: number
  size: number
  library: string | null
  version: string | null
  attempts: { file: string; reason: string }[]
}

/** Opens the MPI library in the child; MPI is not initialised. */
function tryRanks(): void {
  const launcher = launcherOf(process.env)
  const { found, attempts } = findLibrary(launcher, process.env['GATECELL_MPI'] || undefined)
  const trial: RanksTrial = {
    launcher: launcher?.name ?? null,
    rank: launcher?.rank ?? 0,
    size: launcher?.size ?? 1,
    library: found?.library ?? null,
    version: found && shortVersion(found.version),
    attempts: [...attempts]
  }
  process.stdout.write(JSON.stringify(trial))
}

async function runRanksTrial(): Promise<RanksTrial> {
  const { stdout, end } = await runChild('ranks')
  try {
    return JSON.parse(stdout) as RanksTrial
  } catch {
    const attempts = [{ file: 'MPI', reason: end }]
    return { launcher: null, rank: 0, size: 1, library: null, version: null, attempts }
  }
}

/** Runs this command in a child that does the trial; a crash of the child is a result, too. */
async function runChild(trial: string): Promise<{ stdout: string; end: string }> {
  const main = fileURLToPath(new URL('./cli/main.js', here))
  const child = spawn(process.execPath, [main, 'doctor'], {
    env: { ...process.env, [TRIAL]: trial },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text))
  const end = await new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (code, signal) => resolve(signal ?? `exit code ${String(code)}`))
  })
  const [reason = ''] = printed.stderr.trim().split('\n')
  return { stdout: printed.stdout, end: `the trial process ended with ${end}: ${reason}` }
}

async function runCudaTrial(): Promise<Backend> {
  const { stdout, end } = await runChild('cuda')
  try {
    return JSON.parse(stdout) as Backend
  } catch {
    return { available: false, reason: end }
  }
}

async function runTrial(): Promise<Trial> {
  const { stdout, end: detail } = await runChild('engine')
  try {
    return JSON.parse(stdout) as Trial
  } catch {
    return { addon: { file: null, attempts: [], problem: detail }, machine: null, self_test: { ok: false, detail } }
  }
}

function diagnose({ addon, machine, self_test }: Trial, cuda: Backend, ranks: RanksTrial) {
  const cpu: Backend = self_test.ok
    ? { available: true, reason: `the ${machine!.isaUsed} kernels passed the self-test` }
    : { available: false, reason: addon.problem?.split('\n')[0] ?? self_test.detail }
  return {
    event: 'doctor',
    version: packageInfo().version,
    healthy: self_test.ok,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    isa: {
      found: machine?.isaFound ?? null,
      used: machine?.isaUsed ?? null,
      problem: machine?.isaProblem ?? null,
      features: machine?.features ?? []
    },
    cpu: {
      model: machine?.cpuModel ?? null,
      online: machine?.cpusOnline ?? null,
      affinity: machine?.cpusAffinity ?? null
    },
    threads: machine?.threads ?? null,
    cgroup_limit: { cpus: machine?.cgroupQuota || null, memory_bytes: groupMemoryLimit() },
    memory: { total_bytes: totalmem(), free_bytes: freemem() },
    addon: {
      file: addon.file,
      problem: addon.problem,
      attempts: addon.attempts.map(({ file, reason }) => ({ file, reason }))
    },
    backends: { cpu: { ...cpu }, cuda: { ...cuda } },
    ranks: { ...ranks },
    self_test: { ...self_test }
  } satisfies JsonObject
}

function show(report: ReturnType<typeof diagnose>, output: Output): void {
  const { isa, cpu, cgroup_limit: limit, memory, addon, backends, ranks } = report
  const rows: [string, string][] = [
    ['gatecell', `${report.version}, Node ${report.node}, ${report.platform}`],
    ['processor', `${cpu.model ?? 'unknown'}; ${cpu.online ?? '?'} online, ${cpu.affinity ?? '?'} for this process`],
    [
      'instructions',
      `found ${isa.found ?? 'unknown'}, using ${isa.used ?? 'none'}${isa.problem ? ` (${isa.problem})` : ''}`
    ],
    ['features', isa.features.join(' ') || 'unknown'],
    ['threads', `${report.threads ?? 'unknown'}; cgroup limit ${limit.cpus ?? 'none'}`],
    [
      'memory',
      `${bytes(memory.free_bytes)} free of ${bytes(memory.total_bytes)}; cgroup limit ${limit.memory_bytes ? bytes(limit.memory_bytes) : 'none'}`
    ],
    ['addon', addon.file ?? addon.problem ?? 'none'],
    ...addon.attempts.map(({ file, reason }): [string, string] => ['  refused', `${file}: ${reason}`]),
    ['cpu backend', `${backends.cpu.available ? 'there' : 'not there'}: ${backends.cpu.reason}`],
    ['cuda backend', `${backends.cuda.available ? 'there' : 'not there'}: ${backends.cuda.reason}`],
    ['launcher', ranks.launcher === null ? 'none' : `${ranks.launcher}: process ${ranks.rank} of ${ranks.size}`],
    ['MPI', ranks.library === null ? 'not found; several processes need it' : `${ranks.version}, ${ranks.library}`],
    // Without a launcher no library is missing.
    ...(ranks.launcher === null ? [] : ranks.attempts).map(({ file, reason }): [string, string] => [
      '  refused',
      `${file}: ${reason}`
    ]),
    ['self-test', `${report.self_test.ok ? 'passed' : 'failed'}: ${report.self_test.detail}`]
  ]
  for (const [name, value] of rows) output.line(`${name.padEnd(13)} ${value}`)
}
