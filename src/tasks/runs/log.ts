// The log folder of a training: metrics.jsonl (a line per report), TensorBoard events and, at the end, the loss curve as SVG. Times, rates and
// numbers of threads are stored here and never in a checkpoint, which must not depend on them.

import * as fs from 'node:fs'
import { join } from 'node:path'
import { checkFileName, writeTextAtomically } from '../../io/atomic.js'
import { writeLossCurve, type CurvePoint } from '../../plot/loss-curve.js'
import { openJsonLog, readJsonLog } from '../../io/logs/jsonl.js'
import type { EventRecord, JsonObject } from '../../io/json.js'
import { openEventLog } from '../../io/logs/tfevents.js'
import type { Report, Validation } from '../../train/reports.js'

/** The open log of a training. */
export interface RunLog {
  readonly folder: string
  /** Adds a report, and its validation if it has one. */
  report(report: Report): void
  /** Adds a validation that belongs to no report. */
  validation(validation: Validation): void
  /** Adds another line to metrics.jsonl, for example with the settings or the end of a run. */
  note(record: EventRecord): void
  /** Draws the curve and closes the files. Throws ERR_FILE_WRITE. */
  close(): Promise<void>
}

/** Returns a report as one record, for the output of a command with --json and for metrics.jsonl. */
export function reportRecord(report: Report): EventRecord {
  return {
    event: 'report',
    step: report.step,
    epoch: report.epoch,
    loss: report.loss,
    smoothed_loss: report.smoothedLoss,
    grad_norm: report.gradNorm,
    learning_rate: report.learningRate,
    tokens: report.tokens,
    tokens_per_second: Math.round(report.tokensPerSecond),
    waiting: round(report.waiting),
    seconds: round(report.seconds),
    remaining_seconds: report.remaining === null ? null : round(report.remaining),
    fraction: report.fraction,
    ...(report.validation && { valid_loss: report.validation.loss, valid_best: report.validation.best })
  }
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000
}

/**
 * Opens the logs in `folder`, which is made if it does not exist. `resumeStep` is the step from which a run is resumed: lines of later steps
 * are removed; without it the log begins empty. `title` and `unit` (of the loss) are for the curve. Throws ERR_FILE_WRITE if the folder or a
 * file cannot be written.
 */
export async function openRunLog(
  folder: string,
  options: { resumeStep?: number | undefined; title?: string; unit?: string }
): Promise<RunLog> {
  const { resumeStep, title, unit } = options
  checkFileName(folder)
  const events = openEventLog(folder, resumeStep === undefined ? {} : { resumeStep })
  const path = join(folder, 'metrics.jsonl')
  const train: CurvePoint[] = []
  const valid: CurvePoint[] = []
  const draw = ({ step, loss, valid_loss }: JsonObject) => {
    if (typeof step !== 'number') return
    if (typeof loss === 'number') train.push({ step, loss })
    if (typeof valid_loss === 'number') valid.push({ step, loss: valid_loss })
  }
  await keepLines(path, resumeStep ?? -1, draw)
  const metrics = openJsonLog(path)
  const write = (record: JsonObject) => {
    draw(record)
    metrics.write(record)
  }
  return {
    folder,
    report(report) {
      write({ ...reportRecord(report), time: Date.now() / 1000 })
      events.scalar('loss/train', report.loss, report.step)
      events.scalar('learning_rate', report.learningRate, report.step)
      events.scalar('gradient_norm', report.gradNorm, report.step)
      events.scalar('tokens_per_second', report.tokensPerSecond, report.step)
      events.scalar('waiting', report.waiting, report.step)
      if (report.validation) events.scalar('loss/valid', report.validation.loss, report.step)
      events.flush()
    },
    validation({ step, loss, best }) {
      write({ event: 'validation', step, valid_loss: loss, valid_best: best, time: Date.now() / 1000 })
      events.scalar('loss/valid', loss, step)
    },
    note: (record) => metrics.write({ ...record, time: Date.now() / 1000 }),
    async close() {
      events.close()
      metrics.close()
      if (train.length + valid.length === 0) return
      const names = { ...(title !== undefined && { title }), ...(unit !== undefined && { unit }) }
      await writeLossCurve(join(folder, 'curve.svg'), { train, valid, ...names })
    }
  }
}

/** Removes the lines after `step` from a log that exists, and calls `keep` with the others. Step -1, for a new run, removes all lines. */
async function keepLines(path: string, step: number, keep: (record: JsonObject) => void): Promise<void> {
  if (!fs.existsSync(path)) return
  const lines: string[] = []
  for await (const record of readJsonLog(path)) {
    if (typeof record.step === 'number' ? record.step > step : step < 0) continue
    keep(record)
    lines.push(`${JSON.stringify(record)}\n`)
  }
  await writeTextAtomically(path, lines.join(''))
}
