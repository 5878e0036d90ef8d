//===- Console.cpp - The two streams a person reads ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Console.h"
#include "compiler/files/OutputFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace phic {
namespace {

constexpr llvm::StringLiteral kReplacement = "\xEF\xBF\xBD";

bool isDangerous(uint32_t character) {
  return character < 0x20 || (character >= 0x7F && character < 0xA0) || (character >= 0x202A && character <= 0x202E) ||
         (character >= 0x2066 && character <= 0x2069);
}

bool isLayout(uint32_t character) { return character == '\n' || character == '\t'; }

/// Appends the next character of `text` to `safe` and returns how many bytes it took; 0: the text ends in the middle of it.
size_t takeCharacter(llvm::StringRef text, bool keepsLayout, std::string &safe) {
  const auto *at = reinterpret_cast<const llvm::UTF8 *>(text.begin());
  const size_t length = llvm::getNumBytesForUTF8(*at);
  bool isLegal = length <= 4;
  for (size_t i = 1; i < length && isLegal; ++i) {
    if (i == text.size())
      return 0;
    isLegal = (uint8_t(text[i]) & 0xC0) == 0x80;
  }
  llvm::UTF32 character = 0;
  if (!isLegal ||
      llvm::convertUTF8Sequence(&at, at + length, &character, llvm::strictConversion) != llvm::conversionOK) {
    safe += kReplacement;
    return 1;
  }
  if (!isDangerous(character) || (keepsLayout && isLayout(character)))
    safe.append(text.begin(), length);
  else
    safe += "\\u" + llvm::utohexstr(character, /*LowerCase=*/true, /*Width=*/4);
  return length;
}

std::string safeText(llvm::StringRef text, bool keepsLayout) {
  std::string safe;
  while (!text.empty())
    if (size_t taken = takeCharacter(text, keepsLayout, safe)) {
      text = text.drop_front(taken);
    } else {
      safe += kReplacement;
      break;
    }
  return safe;
}

/// Passes printable text on. Characters may come in pieces.
class PrintableStream : public llvm::raw_ostream {
public:
  /// `inner` writes to `descriptor`.
  PrintableStream(llvm::raw_fd_ostream &inner, int descriptor, bool isUnbuffered)
      : raw_ostream(isUnbuffered), inner(inner), descriptor(descriptor) {}
  ~PrintableStream() override {
    flush();
    inner.clear_error(); // flushReports has told; the stream's own end would be a crash
  }

  bool arrives() {
    flush();
    if (!inner.error() && !refusal)
      refusal = refusalOf(descriptor);
    return !inner.error() && !refusal;
  }

  std::error_code finish() {
    flush();
    inner << printable(begun);
    begun.clear();
    inner.flush();
    const std::error_code failure = inner.error() ? inner.error() : refusal;
    inner.clear_error();
    refusal.clear();
    return failure;
  }

private:
  void write_impl(const char *bytes, size_t count) override {
    begun.append(bytes, count);
    llvm::StringRef rest = begun;
    std::string safe;
    for (size_t taken; !rest.empty() && (taken = takeCharacter(rest, /*keepsLayout=*/true, safe));)
      rest = rest.drop_front(taken);
    begun = rest.str();
    inner << safe;
    inner.flush();
    position += count;
  }
  uint64_t current_pos() const override { return position; }

  llvm::raw_fd_ostream &inner;
  const int descriptor;
  std::string begun; ///< of a character
  std::error_code refusal; ///< why nothing more would be taken
  uint64_t position = 0;
};

PrintableStream &standardOutput() {
  static PrintableStream stream(llvm::outs(), STDOUT_FILENO, /*isUnbuffered=*/false);
  return stream;
}

bool callerIgnoresPipes = false;

} // namespace

std::string printable(llvm::StringRef text) { return safeText(text, /*keepsLayout=*/true); }
std::string printableName(llvm::StringRef name) { return safeText(name, /*keepsLayout=*/false); }

llvm::raw_ostream &reports() { return standardOutput(); }

llvm::raw_ostream &messages() {
  static PrintableStream stream(llvm::errs(), STDERR_FILENO, /*isUnbuffered=*/true);
  return stream;
}

void openConsole() {
  // A folder takes no byte: what is printed to a closed descriptor fails as it did.
  int taken = 0;
  do
    taken = open("/", O_PATH | O_DIRECTORY);
  while (taken >= 0 && taken <= STDERR_FILENO);
  if (taken >= 0)
    close(taken);
  callerIgnoresPipes = std::signal(SIGPIPE, SIG_IGN) == SIG_IGN;
}

bool reportsArrive() { return standardOutput().arrives(); }

llvm::Error flushReports() {
  if (const std::error_code failure = standardOutput().finish())
    return llvm::createStringError(failure, "cannot write standard output: " + failure.message());
  return llvm::Error::success();
}

void dieOfBrokenPipe() {
  if (callerIgnoresPipes)
    return;
  std::signal(SIGPIPE, SIG_DFL);
  std::raise(SIGPIPE);
}

} // namespace phic
