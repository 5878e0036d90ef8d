//===- tokenizer.h - Tokenizer and chat tables -------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a model binary holds instead of tokenizer.json and a Jinja template: two
// blobs that the runtime reads in place, without any work at start. A blob is
// position-independent (offsets count bytes from its own start), little-endian
// and 4-byte aligned. The compiler writes it (compiler/tokenizer), the
// runtime reads it (runtime/Tokenizer.h, runtime/Template.h).
//===----------------------------------------------------------------------===//
#ifndef PHI_TOKENIZER_H
#define PHI_TOKENIZER_H

#include "phi/hash.h"
#include "phi/runtime.h"

#define PHI_TOKENIZER_MAGIC 0x4b544850u /* "PHTK" */
#define PHI_CHAT_MAGIC 0x48434850u      /* "PHCH" */
#define PHI_TOKENIZER_VERSION 3u

/// A table inside a blob: `count` elements from byte `offset` on.
typedef struct phi_table {
  uint32_t offset;
  uint32_t count;
} phi_table;

/// phi_tokenizer.flags
enum phi_tokenizer_flag {
  PHI_TOKENIZER_BYTES = 1u << 0,         ///< symbols are bytes (ByteLevel); else characters (SentencePiece)
  PHI_TOKENIZER_IGNORE_MERGES = 1u << 1, ///< a piece that is a token is that token
  PHI_TOKENIZER_FUSE_UNKNOWN = 1u << 2,  ///< adjacent unknown characters are one unknown token
  PHI_TOKENIZER_BYTE_FALLBACK = 1u << 3, ///< an unknown character becomes its bytes' tokens where all exist
  PHI_TOKENIZER_ESCAPED = 1u << 4,       ///< U+2581 in text is read as a space (the tables hold spaces)
  PHI_TOKENIZER_STRIP_SPACE = 1u << 5,   ///< decoded text loses one leading space
  PHI_TOKENIZER_SPACE_CUTS = 1u << 6,    ///< no token continues past a space after a non-space: text may be cut there
  PHI_TOKENIZER_SPLIT_SPACES = 1u << 7,  ///< every space begins a piece (Metaspace with split)
  PHI_TOKENIZER_COMPOSED = 1u << 8 ///< text is brought into normalization form C before it is cut (normalizer NFC)
};

/// When a space goes before a segment of text (between added tokens).
enum phi_prepend {
  PHI_PREPEND_NEVER = 0,
  PHI_PREPEND_ALWAYS = 1, ///< normalizer Prepend: also before a space, and before added tokens are looked for again
  PHI_PREPEND_UNLESS_SPACE = 2, ///< Metaspace "always", ByteLevel add_prefix_space
  PHI_PREPEND_FIRST = 3 ///< Metaspace "first": as UNLESS_SPACE, at the start of the text only
};

/// Bits of a token's flag byte.
enum phi_token_flag {
  PHI_TOKEN_PRESENT = 1u << 0, ///< the id exists
  PHI_TOKEN_SPECIAL = 1u << 1, ///< not printed
  PHI_TOKEN_BYTE = 1u << 2 ///< stands for one byte of a character (`<0xNN>`)
};

/// The pair (left, `right`) becomes `merged`; lower ranks first. `left` is the
/// token whose run of phi_tokenizer.merge_offsets holds the entry.
typedef struct phi_merge {
  uint32_t right;
  uint32_t rank;
  uint32_t merged;
} phi_merge;

enum phi_added_flag {
  PHI_ADDED_LSTRIP = 1u << 0, ///< takes the white space before it
  PHI_ADDED_RSTRIP = 1u << 1, ///< takes the white space after it
  PHI_ADDED_SINGLE_WORD = 1u << 2, ///< only where no word character is beside it
  PHI_ADDED_CONTROL = 1u << 3, ///< steers the model: recognised only where the caller allows it
  PHI_ADDED_KEEPS_SPACE = 1u << 4 ///< the space itself, escaped by the time it is looked for, is no white space to it
};

/// A token that is looked for in the text before any other step.
typedef struct phi_added {
  uint32_t text; ///< offset into phi_tokenizer.text
  uint32_t bytes;
  int32_t id;
  uint32_t flags;
} phi_added;

/// Added tokens in the order of their texts; first[b]..first[b+1] of `tokens` begin with byte b.
typedef struct phi_added_set {
  phi_table first; ///< uint32_t[257]
  phi_table tokens; ///< phi_added
} phi_added_set;

/// One pre-tokenizer step: cuts a piece at each match of a pattern.
typedef struct phi_split {
  uint32_t program; ///< index of the first instruction in phi_tokenizer.code
  uint32_t keep; ///< bit 0: matches are pieces; bit 1: what lies between them is
} phi_split;

/// A character class: ASCII by bit, the rest by ranges [low, high] in order.
typedef struct phi_class {
  uint32_t ascii[4];
  uint32_t ranges; ///< index of the first pair in phi_tokenizer.ranges
  uint32_t count; ///< of pairs
} phi_class;

typedef struct phi_range {
  uint32_t low;
  uint32_t high; ///< inclusive
} phi_range;

/// What a character is in Unicode's canonical decomposition, one step of it; Hangul syllables are computed.
typedef struct phi_decomposition {
  uint32_t character;
  uint32_t first;
  uint32_t second; ///< 0: none
} phi_decomposition;

/// Characters [low, high] of one canonical combining class, 1..254; the others have class 0.
typedef struct phi_combining {
  uint32_t low;
  uint32_t high; ///< inclusive
  uint32_t combining_class;
} phi_combining;

/// Instructions of a pattern. A program is acyclic: every path ends in MATCH,
/// and no path holds more than PHI_PATTERN_FRAMES choices.
enum phi_pattern_op {
  PHI_PATTERN_MATCH = 0,
  PHI_PATTERN_CLASS = 1, ///< one character of class a
  PHI_PATTERN_REPEAT = 2, ///< b..c characters of class a, as many as possible; gives back
  PHI_PATTERN_POSSESS = 3, ///< the same, never gives back
  PHI_PATTERN_FORK = 4, ///< go on at a, if that fails at b
  PHI_PATTERN_JUMP = 5, ///< go on at a
  PHI_PATTERN_AHEAD = 6, ///< the program at a must match here; go on at b
  PHI_PATTERN_NOT_AHEAD = 7, ///< the program at a must not match here; go on at b
  PHI_PATTERN_ATOMIC = 8 ///< match the program at a without giving back; go on at b
};
#define PHI_PATTERN_FRAMES 128u
#define PHI_PATTERN_DEPTH 8u /* nesting of AHEAD, NOT_AHEAD, ATOMIC */
#define PHI_PATTERN_UNBOUNDED 0xffffffffu

typedef struct phi_instruction {
  uint32_t op;
  uint32_t a, b, c;
} phi_instruction;

#define PHI_SPLIT_STEPS 8u /* most entries of phi_tokenizer.splits */

/// Of a blob's other bytes than the word at `hash_at`, which holds it: what is in the tables is used as it is once that agrees.
static inline uint32_t phi_tables_hash(const uint8_t *blob, uint32_t bytes, uint32_t hash_at) {
  const uint32_t after = hash_at + (uint32_t)sizeof(uint32_t);
  const uint64_t hash = phi_bytes_hash(phi_bytes_hash(0, blob, hash_at), blob + after, bytes - after);
  return (uint32_t)(hash ^ hash >> 32);
}

/// The tokenizer blob begins with this.
typedef struct phi_tokenizer {
  uint32_t magic; ///< PHI_TOKENIZER_MAGIC
  uint32_t version; ///< PHI_TOKENIZER_VERSION
  uint32_t bytes; ///< of the whole blob
  uint32_t flags; ///< phi_tokenizer_flag
  uint32_t prepend; ///< phi_prepend
  uint32_t id_limit; ///< every id is below
  uint32_t max_token_bytes; ///< longest decoded token
  int32_t unknown_id; ///< -1: unknown characters are dropped
  int32_t bos_id; ///< -1: none; informative, `prefix` says what is added
  int32_t eos_id; ///< -1: none
  uint32_t word_class; ///< class of word characters, for PHI_ADDED_SINGLE_WORD
  uint32_t composing_class; ///< class of characters that form C may change, with PHI_TOKENIZER_COMPOSED
  uint32_t hash; ///< phi_tables_hash of the blob
  phi_table text; ///< uint8_t: all strings
  phi_table token_offsets; ///< uint32_t[id_limit + 1] into text: what a token decodes to
  phi_table token_flags; ///< uint8_t[id_limit]
  phi_table byte_ids; ///< int32_t[256]: a byte's token, -1 if none
  phi_table lookup; ///< int32_t, open addressing by phi_hash of a token's text, -1 empty; count 0 or a power of two
  phi_table merge_offsets; ///< uint32_t[id_limit + 1] into merges
  phi_table merges; ///< phi_merge, of one left token: by right
  phi_table prefix; ///< int32_t ids before a text
  phi_table suffix; ///< int32_t ids after it
  phi_table splits; ///< phi_split, in order
  phi_table code; ///< phi_instruction
  phi_table classes; ///< phi_class
  phi_table ranges; ///< phi_range
  phi_table decompositions; ///< phi_decomposition, by character; these three are empty without PHI_TOKENIZER_COMPOSED
  phi_table compositions; ///< uint32_t indices of decompositions that form C undoes, by (first, second)
  phi_table combining; ///< phi_combining, ascending
  phi_added_set added[2]; ///< found in the raw text; found after normalization
} phi_tokenizer;

/// Hash of a token's text (FNV-1a), the same on both sides.
static inline uint32_t phi_hash(const uint8_t *text, uint32_t bytes) {
  uint32_t hash = 2166136261u;
  for (uint32_t i = 0; i < bytes; ++i)
    hash = (hash ^ text[i]) * 16777619u;
  return hash;
}

/// Text of a chat blob; offset PHI_CHAT_NONE: the template does not allow this.
typedef struct phi_chat_text {
  uint32_t offset;
  uint32_t bytes;
} phi_chat_text;
#define PHI_CHAT_NONE 0xffffffffu
#define PHI_CHAT_SKIP 0xfffffffeu /* of phi_chat.empty: as if the message were not there */

enum phi_chat_flag {
  PHI_CHAT_HAS_PREFIX = 1u << 0 ///< the template writes what phi_tokenizer.prefix would add
};

/// White space that a message loses; at bit phi_chat_trim_shift(from, to) of phi_chat.trim.
enum phi_chat_trim { PHI_CHAT_TRIM_LEFT = 1u, PHI_CHAT_TRIM_RIGHT = 2u };
static inline uint32_t phi_chat_trim_shift(uint32_t from, uint32_t to) { return 2u * (PHI_ROLE_COUNT * from + to); }

/// The chat blob begins with this. A conversation r1 r2 .. rk is
///   glue[START][r1] text1 glue[r1][r2] text2 .. textk prompt[rk]
/// and the model goes on from there as the assistant. A default system text is
/// part of glue[START][USER].
typedef struct phi_chat {
  uint32_t magic; ///< PHI_CHAT_MAGIC
  uint32_t version; ///< PHI_TOKENIZER_VERSION
  uint32_t bytes;
  uint32_t flags; ///< phi_chat_flag
  uint32_t trim; ///< 2 bits a glue (phi_chat_trim): what the text after it loses
  uint32_t hash; ///< phi_tables_hash of the blob
  phi_chat_text glue[PHI_ROLE_COUNT][PHI_ROLE_COUNT]; ///< [from][to]
  phi_chat_text prompt[PHI_ROLE_COUNT]; ///< [from]: text before the assistant's answer
  phi_chat_text empty[PHI_ROLE_COUNT][PHI_ROLE_COUNT]; ///< what stands in place of glue[from][to] and an empty text
} phi_chat;

#ifdef __cplusplus
static_assert(sizeof(phi_table) == 8, "written by the compiler");
static_assert(sizeof(phi_merge) == 12, "written by the compiler");
static_assert(sizeof(phi_added) == 16, "written by the compiler");
static_assert(sizeof(phi_class) == 24, "written by the compiler");
static_assert(sizeof(phi_instruction) == 16, "written by the compiler");
static_assert(sizeof(phi_tokenizer) == 212, "written by the compiler");
static_assert(sizeof(phi_chat) == 312, "written by the compiler");
#endif

#endif // PHI_TOKENIZER_H
