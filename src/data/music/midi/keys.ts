// Keys and pedals of a MIDI file while it is played: pairs of presses and releases.

import type { MidiEvent } from 'midi-file'
import type { Note, PedalSpan } from '../notes.js'
import type { TimeMap } from '../time.js'

/** Numbers of presses and releases of a file without a partner, or without one at a later tick. */
export interface KeyRepairs {
  /** Notes without a release, which end after 5 seconds, or where the file ends. */
  readonly hanging: number
  /** Notes that were released at the tick at which they began, and have one tick now. */
  readonly lengthened: number
  /** Releases of keys that were not pressed. */
  readonly releases: number
}

/** Longest note without a release, in seconds. */
export const HANGING_SECONDS = 5

const SUSTAIN = 64
/** Values of the pedal from which it is down. */
const DOWN = 64
/** Controllers that end all notes of a channel: all sound off, all notes off. */
const ALL_OFF = [120, 123]
/** The controller that releases the pedal as well: reset all controllers. */
const RESET = 121

type Press = Omit<Note, 'end'>

/** Presses of one key, of which the first `released` have ended. They stay in the list, because removing the first element would move all others. */
interface Presses {
  readonly list: Press[]
  released: number
}

/** Takes the events of a file in order. */
export interface Keys {
  take(event: MidiEvent, tick: number, track: number): void
  /** Ends what still sounds; `last` is the tick of the last event. */
  end(last: number, time: TimeMap): { notes: Note[]; pedals: PedalSpan[]; repairs: KeyRepairs }
}

/**
 * Returns keys that nobody has pressed. Two presses of one key before a release are two voices of a score, which have two releases: the
 * first release ends the first press. Tracks have keys of their own, the program and the pedal belong to the channel.
 */
export function createKeys(): Keys {
  const notes: Note[] = []
  const pedals: PedalSpan[] = []
  const pressed = Array.from({ length: 16 }, () => new Map<number, Presses>())
  const down = new Map<number, number>()
  const programs = new Uint8Array(16)
  let [lengthened, releases] = [0, 0]

  const keyOf = (track: number, pitch: number) => track * 128 + pitch
  const openIn = (channel: number) => [...pressed[channel]!.values()].flatMap((one) => one.list.slice(one.released))
  function close(press: Press, end: number): void {
    if (end <= press.begin) lengthened++
    notes.push({ ...press, end: Math.max(end, press.begin + 1) })
  }
  function pedal(channel: number, isDown: boolean, tick: number): void {
    const begin = down.get(channel)
    if (isDown && begin === undefined) down.set(channel, tick)
    if (isDown || begin === undefined) return
    down.delete(channel)
    if (tick > begin) pedals.push({ begin, end: tick, channel })
  }
  function control(channel: number, controller: number, value: number, tick: number): void {
    if (controller === SUSTAIN) pedal(channel, value >= DOWN, tick)
    if (controller === RESET) pedal(channel, false, tick)
    if (!ALL_OFF.includes(controller)) return
    for (const press of openIn(channel)) close(press, tick)
    pressed[channel]!.clear()
  }
  return {
    take(event, tick, track) {
      if (event.type === 'programChange') programs[event.channel] = event.programNumber
      else if (event.type === 'controller') control(event.channel, event.controllerType, event.value, tick)
      else if (event.type === 'noteOn') {
        const { channel, noteNumber: pitch, velocity } = event
        const key = keyOf(track, pitch)
        if (!pressed[channel]!.has(key)) pressed[channel]!.set(key, { list: [], released: 0 })
        pressed[channel]!.get(key)!.list.push({ pitch, begin: tick, velocity, channel, program: programs[channel]! })
      } else if (event.type === 'noteOff') {
        const key = keyOf(track, event.noteNumber)
        const presses = pressed[event.channel]!.get(key)
        if (!presses) return void releases++
        close(presses.list[presses.released++]!, tick)
        if (presses.released === presses.list.length) pressed[event.channel]!.delete(key)
      }
    },
    end(last, time) {
      const open = pressed.flatMap((_, channel) => openIn(channel))
      for (const press of open) {
        const longest = Math.floor(time.tick(time.seconds(press.begin) + HANGING_SECONDS))
        notes.push({ ...press, end: Math.max(press.begin + 1, Math.min(last, longest)) })
      }
      for (const channel of [...down.keys()]) pedal(channel, false, last)
      return { notes, pedals, repairs: { hanging: open.length, lengthened, releases } }
    }
  }
}
