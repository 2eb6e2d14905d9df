// The progress of a training: a bar on a terminal, a line every few seconds elsewhere, nothing with --json (the reports
// are printed as records).

import type { SingleBar } from 'cli-progress'
import type { Report } from '../../train/reports.js'
import { duration, nats, quantity } from '../../format.js'
import type { Output } from './output.js'

/** The display of progress. */
export interface ProgressDisplay {
  /** Shows a report of a training. */
  report(report: Report): void
  /** Shows the share done, from 0 to 1, of another piece of work. */
  show(what: string, done: number): void
  /** Removes the bar, so that lines can be printed. */
  clear(): void
}

const LINE_SECONDS = 5
/** Share of waiting for data from which it is shown. */
const NOTABLE_WAITING = 0.05

/** Creates the display of progress; `unit` is the plural noun of the elements that rates count. */
export async function createProgress(output: Output, unit = 'symbols'): Promise<ProgressDisplay> {
  if (output.json) return { report() {}, show() {}, clear() {} }
  return output.terminal ? await barProgress(unit) : lineProgress(output, unit)
}

async function barProgress(unit: string): Promise<ProgressDisplay> {
  const { SingleBar, Presets } = (await import('cli-progress')).default
  let bar: SingleBar | null = null
  let valid: number | null = null
  const options = {
    format: '{line}',
    stream: process.stdout,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false
  }
  const update = (done: number, texts: readonly string[]) => {
    const line = barLine(process.stdout.columns ?? 80, done, texts)
    if (!bar) {
      bar = new SingleBar(options, Presets.shades_classic)
      bar.start(1000, 0, { line })
    }
    bar.update(Math.round(1000 * Math.min(1, done)), { line })
  }
  return {
    report(report) {
      valid = report.validation?.loss ?? valid
      update(report.fraction ?? 0, parts(report, valid, unit))
    },
    show: (what, done) => update(done, [what]),
    clear() {
      bar?.stop()
      bar = null
    }
  }
}

const BAR_SIZE = 24
const LEAST_BAR = 6

/**
 * Returns a line of at most `columns` - 1 characters: a bar, the share that is done, the texts. If it is too long, the bar
 * shrinks and goes, then texts go, from the first on: the last ones, rate and time left, stay longest.
 */
export function barLine(columns: number, done: number, texts: readonly string[]): string {
  const share = Math.min(1, Math.max(0, done))
  const percentage = `${Math.floor(100 * share)}%`
  const room = columns - 1
  let kept = [...texts]
  const rest = () => [percentage, ...kept].join(' | ')
  while (kept.length > 1 && rest().length + 2 > room) kept = kept.slice(1)
  const size = Math.min(BAR_SIZE, room - rest().length - 3)
  const filled = Math.round(share * size)
  const bar = size < LEAST_BAR ? '' : `${'\u2588'.repeat(filled)}${'\u2591'.repeat(size - filled)} `
  return `  ${bar}${rest()}`.slice(0, Math.max(room, 0))
}

function lineProgress(output: Output, unit: string): ProgressDisplay {
  let last = -Infinity
  let valid: number | null = null
  return {
    report(report) {
      valid = report.validation?.loss ?? valid
      if (!report.validation && report.seconds - last < LINE_SECONDS) return
      last = report.seconds
      const share = report.fraction === null ? '' : `${Math.floor(100 * report.fraction)}%`
      output.line([share.padStart(6), `step ${report.step}`, ...parts(report, valid, unit)].join('  '))
    },
    show() {},
    clear() {}
  }
}

function parts(report: Report, valid: number | null, unit: string): string[] {
  const { loss, tokensPerSecond, waiting, remaining } = report
  return [
    `loss ${nats(loss)}`,
    ...(valid === null ? [] : [`valid ${nats(valid)}`]),
    ...(waiting < NOTABLE_WAITING ? [] : [`${Math.round(100 * waiting)}% waiting for data`]),
    `${quantity(tokensPerSecond)} ${unit}/s`,
    ...(remaining === null ? [] : [`${duration(remaining)} left`])
  ]
}

/** Returns the peak resident memory of this process in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024
}
