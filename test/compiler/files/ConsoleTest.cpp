//===- ConsoleTest.cpp - Nothing that a terminal obeys ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Console.h"
#include "llvm/Support/JSON.h"
#include "gtest/gtest.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace phic;

namespace {

TEST(Printable, OrdinaryTextStays) {
  for (const char *text : {"", "two lines\n\tand a tab", "h\xC3\xA4, \xE4\xBD\xA0\xE5\xA5\xBD, \xF0\x9F\xA6\x9C"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, WhatATerminalObeysIsSpelledOut) {
  EXPECT_EQ(printable("\x1b[2Jx\rz\x7f"), "\\u001b[2Jx\\u000dz\\u007f");
  EXPECT_EQ(printable("\xC2\x9B[0m"), "\\u009b[0m");
  EXPECT_EQ(printable("\xE2\x80\xAEreversed\xE2\x81\xA6"), "\\u202ereversed\\u2066");
  EXPECT_EQ(printable(llvm::StringRef("a\0b", 3)), "a\\u0000b");
}

TEST(Printable, InvalidUtf8IsReplaced) {
  EXPECT_EQ(printable("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(printable("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(printable("cut \xF0\x9F\xA6"), "cut \xEF\xBF\xBD");
}

TEST(Printable, ANameIsOneLine) {
  EXPECT_EQ(printableName("a\nphic: note: fine\t"), "a\\u000aphic: note: fine\\u0009");
}

TEST(Printable, AnyBytesEndAsUtf8) {
  std::string all;
  for (int first = 0; first < 256; ++first)
    for (int second : {0x00, 0x78, 0x80, 0xBF, 0xC3, 0xE2, 0xF4, 0xFF})
      all += {char(first), char(second)};
  const std::string safe = printable(all);
  EXPECT_TRUE(llvm::json::isUTF8(safe));
  EXPECT_EQ(printable(safe), safe);
}

/// What a process prints that runs `print`.
std::string printedBy(void (*print)()) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  if (pid_t child = fork(); child == 0) {
    dup2(ends[1], STDERR_FILENO);
    print();
    _exit(0);
  } else {
    close(ends[1]);
    std::string all;
    char bytes[256];
    for (ssize_t got; (got = read(ends[0], bytes, sizeof(bytes))) > 0;)
      all.append(bytes, size_t(got));
    close(ends[0]);
    waitpid(child, nullptr, 0);
    return all;
  }
}

TEST(Console, CharactersMayComeInPieces) {
  EXPECT_EQ(printedBy([] {
              for (char byte : llvm::StringRef("h\xC3\xA4 \xC2\x9B \xFF."))
                messages() << byte;
            }),
            "h\xC3\xA4 \\u009b \xEF\xBF\xBD.");
}

TEST(Console, ClosedDescriptorsAreNotTakenByFiles) {
  EXPECT_EQ(printedBy([] {
              close(STDIN_FILENO), close(STDOUT_FILENO);
              openConsole();
              int file = open("/dev/null", O_WRONLY);
              reports() << "lost";
              messages() << (file > STDERR_FILENO) << " " << llvm::toString(flushReports());
            }),
            "1 cannot write standard output: Bad file descriptor");
}

} // namespace
