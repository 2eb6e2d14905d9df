// Command lines in the output, in a form that works as typed: npx finds the program of a project, of a clone and of a global installation.

import { shellWord } from '../../format.js'

/** Returns a command line of gatecell as a user types it, with its words quoted for a POSIX shell. */
export function commandLine(words: readonly string[]): string {
  return `npx gatecell ${words.map(shellWord).join(' ')}`
}

/** Returns a text, such as examples of a help text, in which each line or pipe that begins with `gatecell` has the form of `commandLine`. */
export function asTyped(text: string): string {
  return text.replace(/(^ *|\| )gatecell (?=[a-z])/gm, '$1npx gatecell ')
}
