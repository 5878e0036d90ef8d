//===- Tokenizer.cpp - Text to token ids ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   bytes -> valid UTF-8 -> cut at added tokens -> normalize -> cut at normalized
//   added tokens -> cut by the pre-tokenizer's patterns -> merge each piece
//
// All in one buffer: normalizing does not make text longer, but for one space in
// front, and that takes the place of a byte that has been dealt with. Only form C
// may: what it changes goes on from behind the text.
//===----------------------------------------------------------------------===//
#include "Tokenizer.h"
#include "ComposedForm.h"
#include "Merge.h"
#include "Pattern.h"
#include "Utf8.h"
#include <string.h>

namespace phi {
namespace {

/// U+2581, which stands for a space in SentencePiece vocabularies.
constexpr uint8_t LowerBlock[3] = {0xE2, 0x96, 0x81};
constexpr uint8_t Replacement[3] = {0xEF, 0xBF, 0xBD};
constexpr size_t MaxText = size_t(1) << 30;

/// Calls sink(bytes, count) for runs of the part as valid UTF-8.
template <typename Sink> void sanitize(const TextPart &part, Sink sink) {
  size_t from = 0;
  for (size_t i = 0; i < part.bytes;) {
    const Utf8Scan scan = scanUtf8(part.text + i, part.bytes - i);
    if (scan.kind != Utf8::Valid) {
      sink(part.text + from, i - from);
      sink(Replacement, sizeof(Replacement));
      from = i + scan.bytes;
    }
    i += scan.bytes;
  }
  sink(part.text + from, part.bytes - from);
}

size_t sanitizedBytes(const TextPart *parts, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count && total < MaxText; ++i)
    sanitize(parts[i], [&](const uint8_t *, size_t bytes) { total += bytes; });
  return total;
}

bool composes(const Tokenizer &tokenizer) { return tokenizer.tables->flags & PHI_TOKENIZER_COMPOSED; }

/// What lies where in the work memory.
struct WorkLayout {
  size_t symbols, heap, ends, text, composed, total;
  WorkLayout(const Tokenizer &tokenizer, size_t textBytes, size_t parts) {
    const size_t longest = composes(tokenizer) ? MostComposedBytes * textBytes : textBytes;
    const size_t n = longest + 1; // one more for a space in front
    symbols = 0;
    heap = symbols + n * sizeof(Symbol);
    ends = heap + n * sizeof(uint32_t);
    text = ends + parts * sizeof(uint32_t);
    composed = text + textBytes + 1;
    total = composed + (composes(tokenizer) ? n : 0);
  }
};

class Encoder {
public:
  Encoder(const Tokenizer &tokenizer, const TextPart *parts, size_t partCount, uint32_t flags, int32_t *ids,
          size_t capacity)
      : tokenizer(tokenizer), t(*tokenizer.tables), parts(parts), partCount(partCount), flags(flags), ids(ids),
        capacity(capacity), strings(view<uint8_t>(t.text)), byteIds(view<int32_t>(t.byte_ids)),
        merges{view<uint32_t>(t.merge_offsets), view<phi_merge>(t.merges)},
        patterns{view<phi_instruction>(t.code), view<phi_class>(t.classes), view<phi_range>(t.ranges)},
        composedForm{view<phi_decomposition>(t.decompositions), view<uint32_t>(t.compositions),
                     view<phi_combining>(t.combining)} {}

  int64_t run(uint8_t *work, const WorkLayout &layout) {
    steps = EncodeStepsPerByte * (layout.total - layout.text + 64);
    symbols = reinterpret_cast<Symbol *>(work + layout.symbols);
    heap = reinterpret_cast<uint32_t *>(work + layout.heap);
    ends = reinterpret_cast<uint32_t *>(work + layout.ends);
    text = work + layout.text;
    composedBegin = uint32_t(layout.composed - layout.text) + 1;
    if (flags & EncodePrefix)
      emitTable(t.prefix);
    cutAtAdded(0, Begin, fill());
    if (flags & EncodeSuffix)
      emitTable(t.suffix);
    return steps ? static_cast<int64_t>(count) : EncodeTooSlow;
  }

private:
  static constexpr uint32_t Begin = 1; ///< of the text: text[0] is room for a space

  template <typename T> TableView<T> view(const phi_table &table) const { return tokenizer.view<T>(table); }

  /// A place where an added token stands; begin and end include white space it takes.
  struct Added {
    uint32_t begin, end;
    uint32_t found; ///< end of the token itself
    int32_t id;
  };

  uint32_t fill() {
    uint32_t end = Begin;
    for (size_t i = 0; i < partCount; ++i) {
      sanitize(parts[i], [&](const uint8_t *bytes, size_t size) {
        if (size)
          memcpy(text + end, bytes, size);
        end += static_cast<uint32_t>(size);
      });
      ends[i] = end;
    }
    return end;
  }

  void emit(int32_t id) {
    if (count < capacity)
      ids[count] = id;
    ++count;
  }

  void emitTable(const phi_table &table) {
    for (uint32_t i = 0; i < table.count; ++i)
      emit(view<int32_t>(table)[i]);
  }

  //===------------------------------------------------------------------===//
  // Added tokens
  //===------------------------------------------------------------------===//

  /// Cuts [begin, end) at the added tokens of a set; what lies between goes on.
  void cutAtAdded(uint32_t set, uint32_t begin, uint32_t end) {
    Added added;
    uint32_t from = begin;
    for (uint32_t scan = begin; findAdded(set, begin, scan, from, end, &added); scan = added.found) {
      if (from < added.begin)
        segment(set, from, added.begin);
      emit(added.id);
      from = added.end;
    }
    if (from < end)
      segment(set, from, end);
  }

  /// The first added token at or after `scan` that may stand where it does.
  /// White space is taken back to `from` at most.
  bool findAdded(uint32_t set, uint32_t begin, uint32_t scan, uint32_t from, uint32_t end, Added *added) {
    while (scan < end) {
      const phi_added *match = longestAdded(set, scan, end);
      if (!match) {
        ++scan;
        continue;
      }
      const uint32_t found = scan + match->bytes;
      if (allowed(*match, begin, scan, found, end)) {
        *added = widen(*match, scan, found, from, end);
        return true;
      }
      scan = found;
    }
    return false;
  }

  /// The longest token of the set that stands at `scan`; of equal ones the first.
  const phi_added *longestAdded(uint32_t set, uint32_t scan, uint32_t end) {
    const uint32_t *first = view<uint32_t>(t.added[set].first).run(text[scan], 2), count = first[1] - first[0];
    const phi_added *tokens = view<phi_added>(t.added[set].tokens).run(first[0], count), *longest = nullptr;
    if (!tokens || !isBoundary(scan, end))
      return nullptr;
    // In order of their texts, those that begin with the `same` bytes from here are a run; it begins with what ends there.
    uint32_t low = 0, high = count;
    for (uint32_t same = 1; low < high && spend(); ++same) {
      if (tokens[low].bytes == same && isBoundary(scan + same, end))
        longest = tokens + low;
      while (low < high && tokens[low].bytes == same && spend())
        ++low;
      if (same == end - scan)
        break;
      low = firstFrom(tokens, low, high, same, text[scan + same]);
      high = firstFrom(tokens, low, high, same, text[scan + same] + 1u);
    }
    return longest;
  }

  /// The first of [low, high) whose byte `at` is not below `byte`; all are longer than that.
  uint32_t firstFrom(const phi_added *tokens, uint32_t low, uint32_t high, uint32_t at, uint32_t byte) const {
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (strings[tokens[middle].text + at] < byte)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  /// Whether a character begins there. A token need not end where one does.
  bool isBoundary(uint32_t at, uint32_t end) const { return at == end || (text[at] & 0xC0) != 0x80; }

  bool allowed(const phi_added &token, uint32_t begin, uint32_t at, uint32_t found, uint32_t end) const {
    if (token.flags & PHI_ADDED_CONTROL && !controlAllowed(at, found))
      return false;
    if (!(token.flags & PHI_ADDED_SINGLE_WORD))
      return true;
    return (at == begin || !isWord(backUtf8(text, begin, at))) && (found == end || !isWord(found));
  }

  bool isWord(uint32_t at) const { return patterns.contains(t.word_class, readUtf8(text, &at)); }

  /// Whether all parts that [begin, end) touches may hold control tokens.
  bool controlAllowed(uint32_t begin, uint32_t end) const {
    if (begin + 1 >= composedBegin) // a space may be in front
      return composedControl;
    for (size_t i = 0; i < partCount; ++i) {
      if (ends[i] <= begin)
        continue;
      if (!parts[i].control && (i == 0 || ends[i - 1] < ends[i]))
        return false;
      if (ends[i] >= end)
        return true;
    }
    return true;
  }

  Added widen(const phi_added &token, uint32_t at, uint32_t found, uint32_t from, uint32_t end) const {
    Added added{at, found, found, token.id};
    auto takes = [&](uint32_t character) {
      return isWhiteSpace(character) && !(character == ' ' && token.flags & PHI_ADDED_KEEPS_SPACE);
    };
    if (token.flags & PHI_ADDED_LSTRIP)
      while (added.begin > from) {
        uint32_t back = backUtf8(text, from, added.begin), character = back;
        if (!takes(readUtf8(text, &character)))
          break;
        added.begin = back;
      }
    if (token.flags & PHI_ADDED_RSTRIP)
      for (uint32_t next = found; next < end && takes(readUtf8(text, &next));)
        added.end = next;
    return added;
  }

  //===------------------------------------------------------------------===//
  // Normalizer and pre-tokenizer
  //===------------------------------------------------------------------===//

  /// A run of text without tokens of the set: the next set's turn, or the pre-tokenizer's.
  void segment(uint32_t set, uint32_t begin, uint32_t end) {
    const bool first = begin == origin && !(flags & EncodeContinue);
    if (set == 0) {
      firstSegment = first;
      return changesComposed(begin, end) ? composed(begin, end) : escaped(begin, end);
    }
    if (text[begin] != ' ' &&
        (t.prepend == PHI_PREPEND_UNLESS_SPACE || (t.prepend == PHI_PREPEND_FIRST && first && firstSegment)))
      text[--begin] = ' ';
    pretokenize(0, begin, end);
  }

  void escaped(uint32_t begin, uint32_t end) {
    if (t.flags & PHI_TOKENIZER_ESCAPED)
      end = unescape(begin, end);
    if (t.prepend == PHI_PREPEND_ALWAYS)
      text[--begin] = ' ';
    cutAtAdded(1, begin, end);
  }

  /// Whether form C may differ; most text has no such character.
  bool changesComposed(uint32_t begin, uint32_t end) const {
    if (!composes(tokenizer))
      return false;
    for (uint32_t at = begin; at < end;)
      if (text[at] < 0x80)
        ++at;
      else if (patterns.contains(t.composing_class, readUtf8(text, &at)))
        return true;
    return false;
  }

  void composed(uint32_t begin, uint32_t end) {
    composedControl = controlAllowed(begin, end);
    const uint32_t bytes = composeText(composedForm, text + begin, end - begin, reinterpret_cast<uint32_t *>(symbols),
                                       text + composedBegin);
    if (origin == begin)
      origin = composedBegin;
    escaped(composedBegin, composedBegin + bytes);
    origin = Begin;
  }

  /// U+2581 -> space, in place; keeps the ends of parts where they belong.
  uint32_t unescape(uint32_t begin, uint32_t end) {
    size_t part = 0;
    while (part < partCount && ends[part] <= begin)
      ++part;
    uint32_t to = begin;
    for (uint32_t from = begin; from < end;) {
      for (; part < partCount && ends[part] <= from; ++part)
        ends[part] = to;
      if (end - from >= 3 && !memcmp(text + from, LowerBlock, 3)) {
        text[to++] = ' ';
        from += 3;
      } else {
        text[to++] = text[from++];
      }
    }
    return to;
  }

  /// Applies the steps from `step` on to [begin, end), then merges each piece.
  void pretokenize(uint32_t step, uint32_t begin, uint32_t end) {
    if (step == t.splits.count)
      return cutAtSpaces(begin, end);
    const phi_split split = view<phi_split>(t.splits)[step];
    uint32_t from = begin;
    for (uint32_t scan = begin; scan < end;) {
      const uint32_t to = matchPattern(patterns, split.program, text, scan, end, &steps);
      if (to == NoMatch || to == scan) {
        scan += utf8Length(text[scan]);
        continue;
      }
      if (from < scan && split.keep & 2)
        pretokenize(step + 1, from, scan);
      if (split.keep & 1)
        pretokenize(step + 1, scan, to);
      from = scan = to;
    }
    if (from < end && split.keep & 2)
      pretokenize(step + 1, from, end);
  }

  void cutAtSpaces(uint32_t begin, uint32_t end) {
    if (!(t.flags & (PHI_TOKENIZER_SPACE_CUTS | PHI_TOKENIZER_SPLIT_SPACES)))
      return piece(begin, end);
    const bool each = t.flags & PHI_TOKENIZER_SPLIT_SPACES;
    for (uint32_t i = begin + 1; i < end; ++i)
      if (text[i] == ' ' && (each || text[i - 1] != ' ')) {
        piece(begin, i);
        begin = i;
      }
    piece(begin, end);
  }

  //===------------------------------------------------------------------===//
  // The model
  //===------------------------------------------------------------------===//

  void piece(uint32_t begin, uint32_t end) {
    if (t.flags & PHI_TOKENIZER_IGNORE_MERGES) {
      const int32_t id = lookUp(begin, end - begin);
      if (id >= 0)
        return emit(id);
    }
    const uint32_t symbolCount = t.flags & PHI_TOKENIZER_BYTES ? splitBytes(begin, end) : splitCharacters(begin, end);
    if (symbolCount == 0)
      return;
    mergeSymbols(merges, symbols, symbolCount, heap);
    for (uint32_t i = 0; i != NoSymbol; i = symbols[i].next)
      emit(symbols[i].id);
  }

  uint32_t splitBytes(uint32_t begin, uint32_t end) {
    uint32_t n = 0;
    bool unknown = false;
    for (uint32_t i = begin; i < end; ++i)
      n = push(byteIds[text[i]], n, &unknown);
    return n;
  }

  uint32_t splitCharacters(uint32_t begin, uint32_t end) {
    uint32_t n = 0;
    bool unknown = false;
    for (uint32_t i = begin; i < end;) {
      const uint32_t length = utf8Length(text[i]);
      const int32_t id = lookUp(i, length);
      if (id < 0 && t.flags & PHI_TOKENIZER_BYTE_FALLBACK && bytesExist(i, length))
        for (uint32_t j = 0; j < length; ++j)
          n = push(byteIds[text[i + j]], n, &unknown);
      else
        n = push(id, n, &unknown);
      i += length;
    }
    return n;
  }

  bool bytesExist(uint32_t at, uint32_t length) const {
    for (uint32_t j = 0; j < length; ++j)
      if (byteIds[text[at + j]] < 0)
        return false;
    return true;
  }

  /// Appends a symbol; -1 is an unknown character, and `unknown` whether the last one was.
  uint32_t push(int32_t id, uint32_t n, bool *unknown) {
    if (id < 0) {
      const bool fused = *unknown && t.flags & PHI_TOKENIZER_FUSE_UNKNOWN;
      *unknown = true;
      if (fused || t.unknown_id < 0)
        return n;
      id = t.unknown_id;
    } else {
      *unknown = false;
    }
    symbols[n].id = id;
    return n + 1;
  }

  /// The token whose text is text[begin, begin + bytes), or -1.
  int32_t lookUp(uint32_t begin, uint32_t bytes) {
    if (t.lookup.count == 0)
      return -1;
    const TableView<int32_t> slots = view<int32_t>(t.lookup);
    const TableView<uint32_t> offsets = view<uint32_t>(t.token_offsets);
    const uint32_t mask = t.lookup.count - 1;
    for (uint32_t slot = phi_hash(text + begin, bytes) & mask; slots[slot] >= 0 && spend(); slot = (slot + 1) & mask) {
      const uint32_t id = uint32_t(slots[slot]), offset = offsets[id];
      const uint8_t *string = strings.run(offset, bytes);
      if (string && offsets[id + 1] - offset == bytes && !memcmp(string, text + begin, bytes))
        return slots[slot];
    }
    return -1;
  }

  /// False when no step is left.
  bool spend() { return steps && --steps; }

  const Tokenizer &tokenizer;
  const phi_tokenizer &t;
  const TextPart *parts;
  size_t partCount;
  uint32_t flags;
  int32_t *ids;
  size_t capacity;
  size_t count = 0;
  uint64_t steps = 0; ///< left
  TableView<uint8_t> strings;
  TableView<int32_t> byteIds;
  Merges merges;
  Patterns patterns;
  ComposedFormTables composedForm;
  Symbol *symbols = nullptr;
  uint32_t *heap = nullptr;
  uint32_t *ends = nullptr; ///< of the parts, in `text`
  uint8_t *text = nullptr;
  uint32_t composedBegin = 0; ///< in `text`, of the segment in form C
  uint32_t origin = Begin; ///< where the first segment begins
  bool firstSegment = false, composedControl = false;
};

bool tableFits(const phi_table &table, size_t size, uint64_t bytes) {
  return table.offset % 4 == 0 && table.offset <= bytes && uint64_t(table.count) * size <= bytes - table.offset;
}

} // namespace

bool openTokenizer(const uint8_t *blob, uint64_t bytes, Tokenizer *tokenizer) {
  const phi_tokenizer *t = reinterpret_cast<const phi_tokenizer *>(blob);
  if (!blob || bytes < sizeof(phi_tokenizer) || reinterpret_cast<uintptr_t>(blob) % 4 != 0)
    return false;
  if (t->magic != PHI_TOKENIZER_MAGIC || t->version != PHI_TOKENIZER_VERSION || t->bytes > bytes ||
      t->bytes < sizeof(phi_tokenizer) || !tablesAreWhole(blob, t->bytes, offsetof(phi_tokenizer, hash)))
    return false;
  const uint64_t limit = t->bytes;
  bool ok = tableFits(t->text, 1, limit) && tableFits(t->token_offsets, 4, limit) &&
            tableFits(t->token_flags, 1, limit) && tableFits(t->byte_ids, 4, limit) && tableFits(t->lookup, 4, limit) &&
            tableFits(t->merge_offsets, 4, limit) && tableFits(t->merges, sizeof(phi_merge), limit) &&
            tableFits(t->prefix, 4, limit) && tableFits(t->suffix, 4, limit) &&
            tableFits(t->splits, sizeof(phi_split), limit) && tableFits(t->code, sizeof(phi_instruction), limit) &&
            tableFits(t->decompositions, sizeof(phi_decomposition), limit) && tableFits(t->compositions, 4, limit) &&
            tableFits(t->combining, sizeof(phi_combining), limit) && tableFits(t->classes, sizeof(phi_class), limit) &&
            tableFits(t->ranges, sizeof(phi_range), limit) && t->token_offsets.count == t->id_limit + 1 &&
            t->merge_offsets.count == t->id_limit + 1 && t->token_flags.count == t->id_limit &&
            t->byte_ids.count == 256 && t->splits.count <= PHI_SPLIT_STEPS &&
            (t->lookup.count & (t->lookup.count - 1)) == 0 && t->max_token_bytes <= t->text.count &&
            t->max_token_bytes < MaxText;
  for (const phi_added_set &set : t->added)
    ok = ok && tableFits(set.first, 4, limit) && set.first.count == 257 &&
         tableFits(set.tokens, sizeof(phi_added), limit);
  *tokenizer = {blob, t};
  return ok;
}

size_t encodeWorkBytes(const Tokenizer &tokenizer, const TextPart *parts, size_t count) {
  return WorkLayout(tokenizer, sanitizedBytes(parts, count), count).total;
}

size_t encodeBound(const Tokenizer &tokenizer, uint64_t bytes, size_t count) {
  return WorkLayout(tokenizer, bytes < MaxText ? size_t(bytes) : MaxText, count).total;
}

int64_t encode(const Tokenizer &tokenizer, const TextPart *parts, size_t count, uint32_t flags, int32_t *ids,
               size_t capacity, void *work, size_t workBytes) {
  const size_t textBytes = sanitizedBytes(parts, count);
  const WorkLayout layout(tokenizer, textBytes, count);
  // Places in the text are 32 bits.
  if (textBytes >= (composes(tokenizer) ? MaxText / 4 : MaxText) || layout.total > workBytes)
    return EncodeNoRoom;
  return Encoder(tokenizer, parts, count, flags, ids, capacity).run(static_cast<uint8_t *>(work), layout);
}

} // namespace phi
