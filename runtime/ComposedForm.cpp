//===- ComposedForm.cpp - Unicode normalization form C --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A character in work is a word: its combining class in the top byte. Time is
// bounded by the text, whatever marks it has: long runs of them are ordered by
// one pass a class.
//===----------------------------------------------------------------------===//
#include "ComposedForm.h"
#include "Utf8.h"

namespace phi {
namespace {

// Hangul, as the Unicode Standard computes it (section 3.12).
constexpr uint32_t FirstSyllable = 0xAC00, FirstLead = 0x1100, FirstVowel = 0x1161, FirstTrail = 0x11A7;
constexpr uint32_t Leads = 19, Vowels = 21, Trails = 28, Syllables = Leads * Vowels * Trails;

constexpr uint32_t FirstMark = 0x300; ///< no character below it has a class
constexpr uint32_t MostDepth = 8; ///< of decompositions in decompositions; Unicode has 3
constexpr uint32_t FewMarks = 32; ///< of one character, that are inserted one by one

uint32_t characterOf(uint32_t word) { return word & 0xFFFFFF; }
uint32_t classOf(uint32_t word) { return word >> 24; }

class Composer {
public:
  Composer(const ComposedFormTables &tables, uint32_t room, uint32_t *work)
      : tables(tables), words(work), spare(work + room), room(room) {}

  uint32_t run(const uint8_t *text, uint32_t bytes, uint8_t *out) {
    for (uint32_t at = 0; at < bytes;)
      decompose(readUtf8(text, &at), 0);
    for (uint32_t i = 0; i < count;) {
      uint32_t end = i;
      while (end < count && classOf(words[end]) != 0)
        ++end;
      order(i, end);
      i = end + (end == i);
    }
    compose();
    return write(out);
  }

private:
  void push(uint32_t character) {
    if (count < room)
      words[count++] = character | combiningClass(character) << 24;
  }

  void decompose(uint32_t character, uint32_t depth) {
    const uint32_t syllable = character - FirstSyllable;
    if (syllable < Syllables) {
      push(FirstLead + syllable / (Vowels * Trails));
      push(FirstVowel + syllable / Trails % Vowels);
      if (syllable % Trails)
        push(FirstTrail + syllable % Trails);
      return;
    }
    const phi_decomposition *found = depth < MostDepth ? find(character) : nullptr;
    if (!found || count == room)
      return push(character);
    decompose(characterOf(found->first), depth + 1);
    if (found->second)
      decompose(characterOf(found->second), depth + 1);
  }

  const phi_decomposition *find(uint32_t character) const {
    const phi_decomposition *all = tables.decompositions.run(0, tables.decompositions.size());
    uint32_t low = 0, high = tables.decompositions.size();
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (all[middle].character == character)
        return all + middle;
      if (all[middle].character < character)
        low = middle + 1;
      else
        high = middle;
    }
    return nullptr;
  }

  uint32_t combiningClass(uint32_t character) const {
    uint32_t low = 0, high = character < FirstMark ? 0 : tables.combining.size();
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      const phi_combining &range = tables.combining[middle];
      if (character < range.low)
        high = middle;
      else if (character > range.high)
        low = middle + 1;
      else
        return range.combining_class & 0xFF;
    }
    return 0;
  }

  /// Marks [begin, end) by class; those of one class stay in their order.
  void order(uint32_t begin, uint32_t end) {
    if (end - begin > FewMarks)
      return orderMany(begin, end);
    for (uint32_t i = begin + 1; i < end; ++i) {
      const uint32_t word = words[i];
      uint32_t to = i;
      for (; to > begin && classOf(words[to - 1]) > classOf(word); --to)
        words[to] = words[to - 1];
      words[to] = word;
    }
  }

  void orderMany(uint32_t begin, uint32_t end) {
    uint32_t to = 0;
    for (uint32_t wanted = 1; wanted < 256; ++wanted)
      for (uint32_t i = begin; i < end; ++i)
        if (classOf(words[i]) == wanted)
          spare[to++] = words[i];
    for (uint32_t i = 0; i < to; ++i)
      words[begin + i] = spare[i];
  }

  /// A mark joins the last character of class 0 unless one of its class or above stands between.
  void compose() {
    uint32_t kept = 0, starter = room;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t word = words[i];
      const bool reaches = starter < kept && (starter + 1 == kept || classOf(words[kept - 1]) < classOf(word));
      const uint32_t joined = reaches ? join(characterOf(words[starter]), characterOf(word)) : 0;
      if (joined) {
        words[starter] = joined;
        continue;
      }
      if (classOf(word) == 0)
        starter = kept;
      words[kept++] = word;
    }
    count = kept;
  }

  /// The character that two are, or 0.
  uint32_t join(uint32_t first, uint32_t second) const {
    if (first - FirstLead < Leads && second - FirstVowel < Vowels)
      return FirstSyllable + ((first - FirstLead) * Vowels + second - FirstVowel) * Trails;
    if (first - FirstSyllable < Syllables && (first - FirstSyllable) % Trails == 0 &&
        second - FirstTrail - 1 < Trails - 1)
      return first + second - FirstTrail;
    uint32_t low = 0, high = tables.compositions.size();
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      const phi_decomposition &pair = tables.decompositions[tables.compositions[middle]];
      if (pair.first == first && pair.second == second)
        return characterOf(pair.character);
      if (pair.first < first || (pair.first == first && pair.second < second))
        low = middle + 1;
      else
        high = middle;
    }
    return 0;
  }

  uint32_t write(uint8_t *out) const {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t c = characterOf(words[i]);
      const uint32_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
      // Tables of ours hold characters only.
      if (size > room - bytes || c > 0x10FFFF || c - 0xD800 < 0x800)
        break;
      if (size == 1) {
        out[bytes++] = static_cast<uint8_t>(c);
        continue;
      }
      out[bytes++] = static_cast<uint8_t>((size == 2 ? 0xC0 : size == 3 ? 0xE0 : 0xF0) | c >> 6 * (size - 1));
      for (uint32_t rest = size - 1; rest-- > 0;)
        out[bytes++] = static_cast<uint8_t>(0x80 | (c >> 6 * rest & 0x3F));
    }
    return bytes;
  }

  const ComposedFormTables &tables;
  uint32_t *words, *spare;
  const uint32_t room; ///< words, and bytes of the result
  uint32_t count = 0;
};

} // namespace

uint32_t composeText(const ComposedFormTables &tables, const uint8_t *text, uint32_t bytes, uint32_t *work,
                     uint8_t *out) {
  return Composer(tables, MostComposedBytes * bytes, work).run(text, bytes, out);
}

} // namespace phi
