// row_table.h: loops whose rows begin and end by themselves.
#pragma once
#include "gatecell.h"

#ifdef __cplusplus
extern "C" {
#endif

// The table of a loop whose rows begin and end by themselves, as those of a server of many sequences: GC_ROWS_HEAD words of int32,
// GC_ROW_WORDS words for each row, then the words to which rows refer by their index in the table. Floats are stored as their bits, numbers
// of 64 bits as two words, the lower one first. A row is live until it has ended: each run makes one result of it, which is its next
// forced token or, after those, a draw. Draws are those of GC_OP_SAMPLE with the seed and step of the row, so that they do not depend on other
// rows.
typedef enum gc_rows_head {
  GC_H_INTERRUPT = 0,     // another thread may set it to 1 during the loop, which then ends after the run under way
  GC_H_MICROSECONDS = 1,  // the loop ends after a run that ends later than this; 0: it does not
  GC_H_ENDS = 2,    // the loop ends after a run in which so many rows have ended or notified (0: if no row is live)
  GC_H_ROWS = 3,    // number of rows, at most GC_MOST_ROWS
  GC_H_LOGITS = 4,  // f32[..., R, V], the logits of the draws; -1: the loop only counts the results of the rows
  GC_H_TOKEN = 5,   // i32 input of R elements, which gets the tokens; -1: as above
  GC_H_STREAM = 6,  // of the random numbers
  GC_H_ALTERNATIVES = 7,  // N: records have the log probability and N likeliest tokens; -1: only the token
  GC_H_ELAPSED = 8,       // out: microseconds of the runs of this call, at most INT32_MAX
  GC_ROWS_HEAD = 9,
} gc_rows_head;
typedef enum gc_row_word {
  GC_R_LEFT = 0,           // in/out: results that the row makes after its forced tokens, at least 0
  GC_R_ENDED = 1,          // out: a gc_row_end; in: GC_ROW_LIVE, or another value for a row that makes no results
  GC_R_MADE = 2,           // out: results of this call
  GC_R_NOTIFY = 3,         // in/out: the row notifies (GC_H_ENDS) after so many results; 0: it does not
  GC_R_SEED = 4,           // 2 words
  GC_R_STEP = 6,           // in/out: 2 words; grows by 1 with each result
  GC_R_TEMPERATURE = 8,    // float, at least 0
  GC_R_TOP_K = 9,          // 0: all
  GC_R_TOP_P = 10,         // float above 0; 1: all
  GC_R_MIN_P = 11,         // float from 0 to 1: tokens below this share of the largest probability are not drawn
  GC_R_REPETITION = 12,    // float above 0: divisor of positive logits and factor of negative ones of counted tokens
  GC_R_PRESENCE = 13,      // float: subtracted from the logits of tokens that were drawn
  GC_R_FREQUENCY = 14,     // float: the same for each time
  GC_R_ALTERNATIVES = 15,  // likeliest tokens to record, at most GC_H_ALTERNATIVES; -1: nothing but the token
  GC_R_FORCED = 16,        // in/out: index and number of the forced tokens
  GC_R_STOPS = 18,         // index and number of the tokens that end the row when they are drawn
  GC_R_BIAS = 20,          // index and number of pairs: a token, and the float that is added to its logit
  GC_R_COUNTS = 22,  // index of V words: number of draws of each token, plus GC_COUNT_READ if it was read; 0: no counts
  GC_ROW_WORDS = 24,
} gc_row_word;
enum { GC_MOST_ROWS = 4096, GC_MOST_ALTERNATIVES = 64, GC_COUNT_READ = 1 << 30 };
// GC_ROW_BAD: the logits had a NaN or no finite maximum, so there is no result; other rows continue.
typedef enum gc_row_end { GC_ROW_LIVE = 0, GC_ROW_FULL = 1, GC_ROW_STOPPED = 2, GC_ROW_BAD = 3 } gc_row_end;
// Does the same as gc_plan_generate with the rows of a table. A run writes the records of the loop and, if there are logits, for each row
// its token and with N = GC_H_ALTERNATIVES >= 0 also its log probability, N tokens, and their N log probabilities, from the logits as they
// are. The words of a row that made no result, or asked for less, are not written.
gc_status gc_plan_generate_rows(gc_plan* plan, const gc_loop* loop, int32_t* table, int64_t words, int32_t count,
                                int32_t* out, int64_t elements, int32_t* done);

#ifdef __cplusplus
}
#endif
