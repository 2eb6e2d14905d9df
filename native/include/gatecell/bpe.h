// bpe.h: byte pair encoding (BPE) of bytes. Words are cut as GPT-2 cuts them: 's 't 're 've 'm 'll 'd, letters, numbers or other
// characters with a space before them, white space. A byte that is not UTF-8 counts as another character.
//
// Functions that may fail return a gc_status; gc_last_error() has the sentence. A handle is used by one thread at a time.
#pragma once
#include <stdint.h>

#include "gatecell/gatecell.h"

#ifdef __cplusplus
extern "C" {
#endif

// The longest word in bytes; longer ones are refused with GC_OUT_OF_RANGE.
enum { GC_BPE_LONGEST_WORD = 1 << 20 };

// Training: counts the words of texts, then merges pairs. Symbols 0 to 255 are the bytes in the order of GPT-2 (the printable ones of
// Latin-1 by their number, then the others), 256 and up the results of merges. The pair with the largest count is merged next; of equal
// ones the pair with the smaller first symbol, then the smaller second. The result depends on the counts of words only, so it is the same
// for any order of the texts.
typedef struct gc_bpe_trainer gc_bpe_trainer;
// max_bytes bounds the memory of the distinct words. GC_OUT_OF_MEMORY.
gc_status gc_bpe_trainer_create(int64_t max_bytes, gc_bpe_trainer** out);
// Counts the words of the next bytes of a text; `end`: the text ends with them. GC_OUT_OF_RANGE for a word that is too long or for more
// than max_bytes, GC_INVALID_ARGUMENT after the first step.
gc_status gc_bpe_trainer_add(gc_bpe_trainer* trainer, const uint8_t* bytes, int64_t count, int32_t end);
// Merges for some milliseconds (the first step prepares all words, which takes longer). done: 1 if there are `symbols` symbols, or if no
// pair is left that occurs min_count times. GC_OUT_OF_MEMORY: the trainer is of no use afterwards.
gc_status gc_bpe_trainer_step(gc_bpe_trainer* trainer, int32_t symbols, int64_t min_count, int32_t* done);
// Number of merges so far.
int32_t gc_bpe_trainer_count(const gc_bpe_trainer* trainer);
// out[count][2]: the symbols of each merge, in the order of merging. The result of a merge is the next symbol, unless a symbol with the
// same bytes exists: then that one.
void gc_bpe_trainer_merges(const gc_bpe_trainer* trainer, int32_t* out);
void gc_bpe_trainer_destroy(gc_bpe_trainer* trainer);

// Encoding: of the pairs of neighbours in a word that have a merge, the one whose merge is first in the list is merged next, the leftmost
// of equal ones.
typedef struct gc_bpe_encoder gc_bpe_encoder;
// merges[count][3]: ids of both parts and of the result. bytes[256]: the id of each byte. Any ids from 0 to 2^31 - 1.
// GC_INVALID_ARGUMENT for negative ids or a pair that is there twice.
gc_status gc_bpe_encoder_create(const int32_t* merges, int32_t count, const int32_t* bytes, gc_bpe_encoder** out);
// An encoder for another text that shares the tables.
gc_status gc_bpe_encoder_fork(const gc_bpe_encoder* encoder, gc_bpe_encoder** out);
// The most ids that the next `count` bytes can give.
int64_t gc_bpe_encoder_room(const gc_bpe_encoder* encoder, int64_t count);
// Encodes the next bytes of a text; `end`: the text ends with them, and the encoder is ready for another one. Ids of words whose end is
// not known yet are held back. out has gc_bpe_encoder_room(count) places; written: how many of them are used. GC_OUT_OF_RANGE for a word
// that is too long; the encoder begins a new text then.
gc_status gc_bpe_encode(gc_bpe_encoder* encoder, const uint8_t* bytes, int64_t count, int32_t end, int32_t* out,
                        int64_t* written);
// The place of the draws of a text: its number below 2^32, and the number of the repetition below 2^53 (an epoch, an attempt).
typedef struct gc_bpe_draws {
  uint64_t seed;
  uint64_t text, repetition;
} gc_bpe_draws;
// Encodes a whole text with BPE dropout (Provilkov, Emelianenko, Voita 2020): before each merge of a word every possible merge is left out
// with probability `dropout`, 0 to 1, and the word ends where all are left out. The draws are a function of `draws` and the bytes. Does not
// touch a text that gc_bpe_encode has begun. out has `count` places. GC_OUT_OF_RANGE for a word that is too long.
gc_status gc_bpe_encode_dropped(gc_bpe_encoder* encoder, const uint8_t* bytes, int64_t count, double dropout,
                                const gc_bpe_draws* draws, int32_t* out, int64_t* written);
void gc_bpe_encoder_destroy(gc_bpe_encoder* encoder);

#ifdef __cplusplus
}
#endif
