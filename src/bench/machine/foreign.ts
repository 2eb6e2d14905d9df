// The share of the machine that other processes had during a measurement, which is reported with its figures.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** A clock of the processor time that other processes take. */
export interface ForeignClock {
  start(): void
  stop(): void
  /** Share of the processors' time between starts and stops, 0 to 1; null where /proc/stat is missing or too little passed. */
  share(): number | null
}

const JIFFIES = 100
/** Below this many seconds the ten milliseconds of /proc/stat say nothing. */
const FEWEST_SECONDS = 0.2

interface Reading {
  /** Seconds that all processes together ran, and that other machines on the same host took. */
  busy: number
  own: number
  wall: number
}

function read(): Reading | null {
  let line: string
  try {
    line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!
  } catch {
    return null
  }
  const [user, nice, system, , , irq, softirq, steal] = line.trim().split(/\s+/).slice(1).map(Number)
  const { user: ownUser, system: ownSystem } = process.cpuUsage()
  return {
    busy: (user! + nice! + system! + irq! + softirq! + (steal ?? 0)) / JIFFIES,
    own: (ownUser + ownSystem) / 1e6,
    wall: performance.now() / 1000
  }
}

/** Returns a clock that has not started. */
export function foreignClock(): ForeignClock {
  let begin: Reading | null = null
  let foreign = 0
  let wall = 0
  return {
    start() {
      begin = read()
    },
    stop() {
      const end = read()
      if (!begin || !end) return
      foreign += end.busy - begin.busy - (end.own - begin.own)
      wall += end.wall - begin.wall
    },
    share: () => (wall < FEWEST_SECONDS ? null : Math.min(1, Math.max(0, foreign / (wall * availableParallelism()))))
  }
}
