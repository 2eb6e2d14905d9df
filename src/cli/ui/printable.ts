// Makes names and texts from files safe to print. A control character could move the cursor, change a title or hide a line, so
// it is replaced by its escape sequence in JSON.

/**
 * Characters that JSON.stringify does not escape: DEL, C1, line separators, and those with Unicode's property Bidi_Control, which
 * change the direction of text.
 */
const LEFT_BY_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
/** The same and C0. Texts, unlike names, may contain line feeds and tabs. */
const IN_NAMES = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
const IN_TEXTS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const escapeOf = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Returns a text of several lines with control characters escaped; line feeds and tabs stay. */
export function printableText(text: string): string {
  return text.replace(IN_TEXTS, escapeOf)
}

/** Returns a name with control characters escaped, line feeds and tabs too, so that it stays on one line. */
export function printableName(name: string): string {
  return name.replace(IN_NAMES, escapeOf)
}

/** Returns `value` as one line of JSON without control characters; it parses to the same value. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(LEFT_BY_JSON, escapeOf)
}
