// Options of all commands that run a trained model: how its weights are used, where, and by how many threads.

import type { Command } from 'commander'
import type { LoadOptions } from '../../tasks/runs/load.js'
import { checkDevice } from './device.js'
import { device, weights, whole } from './parse.js'

export interface EngineFlags {
  weights?: 'f32' | 'bf16' | 'int8'
  device?: 'auto' | 'cpu' | 'cuda'
  threads?: number
}

/** `threads`: what the help says where no number is given. */
export function addEngineOptions(command: Command, threads: string): Command {
  return command
    .option('--weights <name>', 'f32, bf16 or int8 for the LSTM products (default: f32)', weights)
    .option('--device <name>', 'auto, cpu or cuda (default: auto, the faster one)', device)
    .option('--threads <n>', `threads (default: ${threads})`, whole('--threads', 1, 1024))
}

/** How to load the model. ERR_UNSUPPORTED for a device that is not there. */
export function loadOptions({ weights: precision, device, threads }: EngineFlags): LoadOptions {
  checkDevice(device)
  return { precision, threads, device: device ?? 'auto' }
}
