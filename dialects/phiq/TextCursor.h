//===- TextCursor.h - Where a small grammar's reader is --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the readers of formats and of regions share: tokens apart by spaces, and the
// first problem, which is kept while every later step fails quietly.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_TEXTCURSOR_H
#define PHIC_DIALECTS_PHIQ_TEXTCURSOR_H

#include <string>
#include <string_view>

namespace phic {

class TextCursor {
public:
  explicit TextCursor(std::string_view text) : rest(text) {}

  bool atEnd() {
    skipSpace();
    return rest.empty();
  }
  /// Takes `token` if it comes next.
  bool accept(std::string_view token) {
    skipSpace();
    if (!rest.starts_with(token))
      return false;
    rest.remove_prefix(token.size());
    return true;
  }

  std::string error;

protected:
  void skipSpace() {
    while (!rest.empty() && rest.front() == ' ')
      rest.remove_prefix(1);
  }
  bool keep(std::string problem) {
    if (error.empty())
      error = std::move(problem);
    return false;
  }

  std::string_view rest;
};

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_TEXTCURSOR_H
