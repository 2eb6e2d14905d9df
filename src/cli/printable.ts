// Names and texts from files as a terminal may get them. A control character could move the cursor, change a title or hide
// a line, so it is shown as an escape sequence of JSON.

/** What JSON.stringify leaves as it is: DEL, C1, line separators, and characters that change the direction of the text after them. */
const LEFT_BY_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
/** These and C0; of a text not its line feeds and tabs. */
const IN_NAMES = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const IN_TEXTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

const escapeOf = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Text of several lines, for a terminal: line feeds and tabs stay. */
export function printableText(text: string): string {
  return text.replace(IN_TEXTS, escapeOf)
}

/** A name, which is to stay on its line. */
export function printableName(name: string): string {
  return name.replace(IN_NAMES, escapeOf)
}

/** A value as JSON of one line without control characters; the value that a program reads is the same. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(LEFT_BY_JSON, escapeOf)
}
