// The style card of CONTRIBUTING.md, as far as a machine can check it: words and forms that the prose of the project avoids.

import type { Prose } from './sources.js'

const comparatives =
  'longer|shorter|more|less|better|worse|slower|faster|larger|smaller|greater|wider|higher|lower|cheaper|bigger|later|earlier|older|closer|harder|easier'

/** A pattern that is refused, and the remedy. */
const refused: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/(?<!stand-|stands |let |leave[sd]? (?:\w+ )?|left (?:\w+ )?)\balone\b/i, 'write "only"'],
  [/\bbehind\b(?! the scenes)/i, 'write "after", "below" or "under"'],
  [/\bbeside\b/i, 'write "next to", "with" or "compared with"'],
  [/\banew\b/i, 'write "again"'],
  [/\bgo(?:es|ing)? on\b/i, 'write "continues"'],
  [/\b(?:says|said|tells|told|saying|telling)\b/i, 'programs and files take, return, print, store and contain'],
  [/\bknows\b/i, 'programs do not know: name where the value comes from'],
  [/\b(?<!-)stands?\b(?! for\b|-)/i, 'write "is" or "are"'],
  [
    new RegExp(`(?<!\\bthere )\\b(?:is|are|was|were|that is) no (?!(?:${comparatives})\\b)[a-z]`, 'i'),
    'write "is not a ..."'
  ],
  [/(?:^|[.;:] )ERR_[A-Z_]+(?! = )\b(?! (?:is|means|has)\b)/, 'write "Throws ERR_... if ..."'],
  [/\bERR_[A-Z_]+ (?:where|for what)\b/, 'write "Throws ERR_... if ..."']
]

/** Returns the passages of a text that the style card refuses. `first`: it is the first comment of its file. */
export function dialectIn(prose: Prose, first: boolean): { file: string; line: number; why: string }[] {
  const { file, line, kind } = prose
  const text = prose.text.replace(/`[^`]*`|"[^"]*"/g, 'CODE')
  const found: string[] = []
  for (const [pattern, remedy] of refused) {
    const match = pattern.exec(text)
    if (match)
      found.push(`"${text.slice(Math.max(0, match.index - 30), match.index + match[0].length + 15)}": ${remedy}`)
  }
  const begins = (first && kind === 'comment') || kind === 'docstring'
  if (begins && /^what(?:ever)?\b/i.test(text)) found.push(`"${text.slice(0, 45)}": begin with a noun or a verb`)
  return found.map((why) => ({ file, line, why }))
}

/** Verbs that a docstring of a function may begin with. A verb is added when a function needs it. */
const verbs = new Set(
  `Accepts Adds Allocates Allows Answers Appends Applies Asks Averages Begins Binds Bounds Breaks Builds Calls Cancels Changes Checks Chooses Clears
  Clones Closes Collects Compares Compiles Computes Connects Copies Counts Creates Cuts Decides Declares Decodes Derives Describes
  Deletes Divides Does Draws Drops Encodes Ends Ensures Estimates Evaluates Executes Exports Fetches Fills Finds Finishes Fits Follows
  Formats Freezes Gathers Generates Gives Groups Handles Holds Imports Indexes Initialises Inserts Iterates Joins Keeps Lays Lets Limits Lists Loads
  Locks Looks Lowers Maps Makes Marks Masks Matches Measures Merges Moves Multiplies Names Normalises Notes Opens Orders Packs Pads Parses Picks Places
  Plans Prepares Prints Provides Puts Raises Reads Records Reduces Refuses Registers Releases Removes Renders Repeats Replaces
  Reports Resamples Reserves Resets Resizes Resolves Restores Resumes Returns Rewrites Rounds Runs Samples Saves Scales Scores Seeds
  Selects Sends Separates Sets Shifts Shows Shuffles Sizes Smooths Sorts Splits Starts Steps Stops Stores Subtracts Sums Swaps Takes Tests
  Throws Times Tokenises Traces Trains Transforms Transposes Traverses Trims Turns Unpacks Updates Uses Validates Varies Verifies Waits Walks Warns
  Weighs Wraps Writes Yields`.split(/\s+/)
)

/** Returns the first word of a docstring and whether it is a verb in the third person. */
export function firstWord(docstring: string): { word: string; isVerb: boolean } {
  const word = /^[\w'-]+/.exec(docstring)?.[0] ?? ''
  return { word, isVerb: verbs.has(word) }
}
