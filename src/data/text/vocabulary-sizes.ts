// Sizes of vocabularies that are made of a corpus. The file imports nothing, because declarations of settings use it.

/** The most ids of a vocabulary that is made of a corpus. */
export const MAX_VOCABULARY_SIZE = 2 ** 18

/** The sizes of vocabularies that are made of a corpus, unless the caller names one. */
export const defaultVocabularySizes = { word: 10_000, bpe: 2048 } as const
