// Identity of a process, as temporary files and locks store it, so that a later process can find out whether the owner has
// ended. The process number is not enough: numbers are reused, and each namespace and machine has its own.

import * as fs from 'node:fs'
import { hostname } from 'node:os'

/** The identity of a process. */
export interface ProcessIdentity {
  readonly host: string
  readonly pid: number
  /** When the process started, in clock ticks after the boot; '' where the system does not show it. */
  readonly start: string
  /** Id of the machine's boot, and namespace of process numbers; '' unless the system shows both. */
  readonly space: string
  /** Id of the machine, the same after every boot; '' if it has none. */
  readonly machine: string
}

/** 'elsewhere': on another host, or with numbers of another namespace, so that nothing here shows whether it runs. */
export type OwnerState = 'alive' | 'gone' | 'elsewhere'

/** The namespace of process numbers outside of all containers has this number on every Linux system. */
const FIRST_NAMESPACE = 'pid:[4026531836]'

let own: ProcessIdentity | undefined

/** Returns the identity of this process. */
export function ownProcess(): ProcessIdentity {
  return (own ??= findOwn())
}

function findOwn(): ProcessIdentity {
  const boot = attempt(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const namespace = attempt(() => fs.readlinkSync('/proc/self/ns/pid'))
  const machine = attempt(() => fs.readFileSync('/etc/machine-id', 'utf8').trim())
  const space = boot === '' || namespace === '' ? '' : `${boot} ${namespace}`
  return { host: hostname(), pid: process.pid, start: processStat(process.pid)?.start ?? '', space, machine }
}

/** Returns whether `owner` still runs, as far as it can be seen from `self`, which tests replace. */
export function stateOf(owner: ProcessIdentity, self: ProcessIdentity = ownProcess()): OwnerState {
  if (owner.host !== self.host || owner.space !== self.space) return rebooted(owner, self) ? 'gone' : 'elsewhere'
  if (owner.pid === self.pid && owner.start === self.start) return 'alive'
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: it is there, but belongs to another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'gone'
  }
  const stat = processStat(owner.pid)
  if (stat === null) return 'alive'
  const another = owner.start !== '' && stat.start !== owner.start
  return another || stat.ended ? 'gone' : 'alive'
}

/** Whether the machine was rebooted after `owner` started. False in containers, whose images are copied with their machine id. */
function rebooted(owner: ProcessIdentity, self: ProcessIdentity): boolean {
  const sameMachine = owner.host === self.host && owner.machine === self.machine && self.machine !== ''
  const plain = [owner, self].every(({ space }) => space.endsWith(FIRST_NAMESPACE))
  return sameMachine && plain && owner.space !== self.space
}

/** Returns the start of a process of this namespace, and whether it has ended (a zombie too); null if unknown. */
function processStat(pid: number): { start: string; ended: boolean } | null {
  // A /proc of another namespace lists other processes under these numbers.
  if (attempt(() => fs.readlinkSync('/proc/self')) !== String(process.pid)) return null
  const stat = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, 'latin1'))
  // The name of the program, in parentheses, may hold blanks and parentheses; state and start are fields 3 and 22 in all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[19] === undefined ? null : { start: fields[19], ended: fields[0] === 'Z' || fields[0] === 'X' }
}

function attempt(call: () => string): string {
  try {
    return call()
  } catch {
    return '' // another system than Linux, or a /proc that is closed
  }
}
