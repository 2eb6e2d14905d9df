// How a training shows itself: a bar on a terminal, a line every few seconds elsewhere, nothing with --json (the reports
// are written as records).

import type { SingleBar } from 'cli-progress'
import type { Report } from '../train/reports.js'
import { duration, nats, quantity } from './format.js'
import type { Output } from './output.js'

export interface Progress {
  report(report: Report): void
  /** Share done of something else that takes a while. */
  show(what: string, done: number): void
  /** Takes the bar away, so that lines can be written. */
  clear(): void
}

const LINE_SECONDS = 5
const BAR = '  {bar} {percentage}% | {text}'

/** `unit`: what rates count. */
export async function createProgress(output: Output, unit = 'symbols'): Promise<Progress> {
  if (output.json) return { report() {}, show() {}, clear() {} }
  return output.terminal ? await barProgress(unit) : lineProgress(output, unit)
}

async function barProgress(unit: string): Promise<Progress> {
  const { SingleBar, Presets } = (await import('cli-progress')).default
  let bar: SingleBar | null = null
  let valid: number | null = null
  const options = {
    format: BAR,
    stream: process.stdout,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false,
    barsize: 24
  }
  const update = (done: number, text: string) => {
    if (!bar) {
      bar = new SingleBar(options, Presets.shades_classic)
      bar.start(1000, 0, { text })
    }
    bar.update(Math.round(1000 * Math.min(1, done)), { text })
  }
  return {
    report(report) {
      valid = report.validation?.loss ?? valid
      update(report.fraction ?? 0, parts(report, valid, unit).join(' | '))
    },
    show: (what, done) => update(done, what),
    clear() {
      bar?.stop()
      bar = null
    }
  }
}

function lineProgress(output: Output, unit: string): Progress {
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
  const { loss, tokensPerSecond, remaining } = report
  return [
    `loss ${nats(loss)}`,
    ...(valid === null ? [] : [`valid ${nats(valid)}`]),
    `${quantity(tokensPerSecond)} ${unit}/s`,
    ...(remaining === null ? [] : [`${duration(remaining)} left`])
  ]
}

/** Peak resident memory of this process in bytes. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024
}
