// words.h: cuts a stream of bytes into the words of GPT-2's pattern.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <vector>

#include "../core/status.h"
#include "gatecell/bpe.h"

namespace gatecell {

// Length of the first word of [p, end), which is not empty; 0 if its end depends on bytes after `end`, which does not occur with `last`.
size_t first_word(const uint8_t* p, const uint8_t* end, bool last);

// Keeps the beginning of a word whose end has not come yet.
class WordStream {
 public:
  size_t pending() const { return pending_.size(); }
  void clear() {
    pending_.clear();
    retry_ = 0;
  }

  // Calls word(pointer, length), which returns a status, for every word that ends in the next bytes.
  template <class F>
  gc_status feed(const uint8_t* bytes, size_t count, bool last, const F& word) {
    if (pending_.empty()) {
      size_t used = 0;
      const gc_status status = cut(bytes, count, last, word, &used);
      if (status == GC_OK) pending_.assign(bytes + used, bytes + count);
      return status == GC_OK ? check() : status;
    }
    pending_.insert(pending_.end(), bytes, bytes + count);
    if (!last && pending_.size() < retry_) return check();  // a long word is looked at again after it has doubled
    size_t used = 0;
    const gc_status status = cut(pending_.data(), pending_.size(), last, word, &used);
    if (status != GC_OK) return status;
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(used));
    return check();
  }

 private:
  gc_status check() {
    retry_ = 2 * pending_.size();
    if (pending_.size() <= GC_BPE_LONGEST_WORD) return GC_OK;
    return too_long();
  }
  static gc_status too_long() {
    return fail(GC_OUT_OF_RANGE,
                "Expected words of at most %d bytes but received a longer run of characters without a border: "
                "divide it, or leave the text out.",
                GC_BPE_LONGEST_WORD);
  }
  template <class F>
  static gc_status cut(const uint8_t* bytes, size_t count, bool last, const F& word, size_t* used) {
    while (*used < count) {
      const size_t length = first_word(bytes + *used, bytes + count, last);
      if (length == 0) break;
      if (length > GC_BPE_LONGEST_WORD) return too_long();
      const gc_status status = word(bytes + *used, length);
      if (status != GC_OK) return status;
      *used += length;
    }
    return GC_OK;
  }

  std::vector<uint8_t> pending_;
  size_t retry_ = 0;
};

}  // namespace gatecell
