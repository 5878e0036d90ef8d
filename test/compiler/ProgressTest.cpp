//===- ProgressTest.cpp - The line that shows how far it is ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/messages/Progress.h"
#include "gtest/gtest.h"
#include <unistd.h>

using namespace phic;

namespace {

TEST(Progress, SaysShareAndTimeLeft) {
  EXPECT_EQ(progressText("packing weights", 25, 100, 3), "phic: packing weights  25 %, 9 s left");
  EXPECT_EQ(progressText("running", 4, 4, 10), "phic: running 100 %, 0 s left");
  EXPECT_EQ(progressText("running", 5, 4, 10), "phic: running 100 %, 0 s left"); // more than was thought
}

TEST(Progress, IsSilentOutsideOfATerminal) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  {
    Progress progress("waiting", 100);
    usleep(2'100'000);
    progress(50);
  }
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(ends[1]);
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), 0);
  close(ends[0]);
}

} // namespace
