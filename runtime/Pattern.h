//===- Pattern.h - Matching pre-tokenizer patterns -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A backtracking matcher for the programs of phi/tokenizer.h. Programs have no
// loops but repeats of one class, so the choices of a path are few and known:
// the matcher keeps them on the stack and needs no other memory.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_PATTERN_H
#define PHI_RUNTIME_PATTERN_H

#include "Tables.h"
#include <stdint.h>

namespace phi {

struct Patterns {
  TableView<phi_instruction> code;
  TableView<phi_class> classes;
  TableView<phi_range> ranges;

  bool contains(uint32_t classIndex, uint32_t character) const;
};

constexpr uint32_t NoMatch = 0xFFFFFFFFu;

/// Where the match of `program` that begins at `at` ends, or NoMatch. The text is
/// valid UTF-8 and ends, for the pattern too, at `end`. Takes what it costs from
/// `steps`; when none are left, nothing matches any more.
uint32_t matchPattern(const Patterns &patterns, uint32_t program, const uint8_t *text, uint32_t at, uint32_t end,
                      uint64_t *steps);

} // namespace phi

#endif // PHI_RUNTIME_PATTERN_H
