// Errors of the library name its own options in parentheses, because a caller may have no command line. Here they become flags.

const FLAGS = {
  'mode "resume"': '--resume',
  'mode "force"': '--force',
  onBad: '--skip-bad',
  style: '--style',
  prime: '--prime',
  'network.bidirectional: false': '--forward',
  vocabularySize: '--vocabulary-size',
  minCount: '--min-count',
  tokenizer: '--tokenizer'
} as const

/** Returns the message of an error with flags in place of options: "replace it (mode "force")" becomes "replace it (--force)". */
export function withFlags(message: string): string {
  return Object.entries(FLAGS).reduce((text, [option, flag]) => text.replaceAll(`(${option})`, `(${flag})`), message)
}
