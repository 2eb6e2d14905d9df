// GPT-2's pattern without a regular expression:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
#include "words.h"

#include <string.h>

namespace gatecell {

namespace {

enum Class : uint8_t { kOther, kLetter, kNumber, kSpace };

struct Range {
  uint32_t first, last;
  uint8_t type;
};

const Range kRanges[] = {
#include "classes.inl"
};

// The class of each code point, two bits each.
class Classes {
 public:
  Classes() {
    for (const Range& range : kRanges)
      for (uint32_t c = range.first; c <= range.last; c++)
        bits_[c / 4] |= static_cast<uint8_t>(range.type << (c % 4 * 2));
  }
  Class of(uint32_t c) const { return static_cast<Class>(bits_[c / 4] >> (c % 4 * 2) & 3); }

 private:
  uint8_t bits_[0x110000 / 4] = {};
};

const Classes& classes() {
  static const Classes table;
  return table;
}

struct Unit {
  Class type;
  uint32_t length;  // 0: the bytes end within the character
};

// The character of several bytes at p. A byte that does not begin one (RFC 3629) is a unit of its own.
Unit wide_unit(const Classes& table, const uint8_t* p, const uint8_t* end, bool last) {
  const uint8_t lead = *p;
  const uint32_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return {kOther, 1};
  uint32_t code = lead & (0x7f >> length);
  for (uint32_t i = 1; i < length; i++) {
    if (p + i == end) return {kOther, last ? 1u : 0u};
    if ((p[i] & 0xc0) != 0x80) return {kOther, 1};
    code = code << 6 | (p[i] & 0x3f);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {kOther, 1};
  return {table.of(code), length};
}

Unit unit_at(const Classes& table, const uint8_t* p, const uint8_t* end, bool last) {
  return *p < 0x80 ? Unit{table.of(*p), 1} : wide_unit(table, p, end, last);
}

// Length of the contraction at p, which is an apostrophe: 0 if there is none; -1 if it depends on bytes after `end`.
int contraction(const uint8_t* p, const uint8_t* end, bool last) {
  if (end - p < 2) return last ? 0 : -1;
  if (strchr("stmd", p[1]) != nullptr && p[1] != 0) return 2;
  const char* second = p[1] == 'r' || p[1] == 'v' ? "e" : p[1] == 'l' ? "l" : nullptr;
  if (second == nullptr) return 0;
  if (end - p < 3) return last ? 0 : -1;
  return p[2] == static_cast<uint8_t>(*second) ? 3 : 0;
}

// End of the run of characters of one class from p on; null if it depends on bytes after `end`. previous: the beginning of its last
// character.
const uint8_t* run_end(const Classes& table, Class type, const uint8_t* p, const uint8_t* end, bool last,
                       const uint8_t** previous) {
  while (p < end) {
    const Unit unit = unit_at(table, p, end, last);
    if (unit.length == 0) return nullptr;
    if (unit.type != type) return p;
    *previous = p;
    p += unit.length;
  }
  return last ? p : nullptr;
}

}  // namespace

size_t first_word(const uint8_t* p, const uint8_t* end, bool last) {
  const Classes& table = classes();
  const uint8_t* previous = p;
  if (*p == '\'') {
    const int length = contraction(p, end, last);
    if (length != 0) return length < 0 ? 0 : static_cast<size_t>(length);
  }
  const uint8_t* begin = p;
  if (*p == ' ') {
    if (p + 1 == end) return last ? 1 : 0;
    begin++;
  }
  const Unit unit = unit_at(table, begin, end, last);
  if (unit.length == 0) return 0;
  if (unit.type != kSpace) {
    const uint8_t* stop = run_end(table, unit.type, begin, end, last, &previous);
    return stop == nullptr ? 0 : static_cast<size_t>(stop - p);
  }
  const uint8_t* stop = run_end(table, kSpace, p, end, last, &previous);
  if (stop == nullptr) return 0;
  // Before other text the last character of the run is not part of the word, unless it is the only one.
  if (stop < end && previous > p) return static_cast<size_t>(previous - p);
  return static_cast<size_t>(stop - p);
}

}  // namespace gatecell
