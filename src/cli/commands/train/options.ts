// The options of every training on the command line that are not settings of its task: files, what happens if they exist, output.

import type { Command } from 'commander'
import { expected } from '../../../errors.js'
import type { RunMode } from '../../../tasks/runs/files.js'
import type { RunPlace, TaskEntry } from '../../../tasks/task.js'
import { filePath, filePaths } from '../../options/parse.js'

/** The options of `gatecell train` that are not settings, as commander returns them. */
export interface TrainFlags {
  out: string
  validFile?: string[]
  resume?: true
  force?: true
  logDir?: string
  json?: true
}

/** Adds them, after the settings of the task. */
export function addTrainOptions(command: Command, { takesValidFiles }: Pick<TaskEntry, 'takesValidFiles'>): Command {
  if (takesValidFiles)
    command.option('--valid-file <file...>', 'validate on other files instead of a share', filePaths('--valid-file'))
  return command
    .option('--resume', 'resume from the last checkpoint, or start if there is none')
    .option('--force', 'replace a model that exists')
    .option(
      '--log-dir <folder>',
      'metrics.jsonl, TensorBoard events and the loss curve as SVG',
      filePath('--log-dir', 'folder')
    )
    .option('--json', 'one JSON object a line')
}

/** Returns the files of a run and its mode. */
export function runFiles(data: readonly string[], flags: TrainFlags): RunPlace {
  const { out, validFile } = flags
  return { data, out, mode: modeOf(flags), ...(validFile && { validFiles: validFile }) }
}

function modeOf({ resume, force }: TrainFlags): RunMode {
  if (resume && force) throw expected('ERR_INVALID_OPTION', '--resume or --force', 'both', 'leave one out')
  return force ? 'force' : resume ? 'resume' : 'new'
}
