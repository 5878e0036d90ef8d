//===- StopFilterTest.cpp - Stop texts in a stream ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/StopFilter.h"
#include "gtest/gtest.h"
#include <cstdio>
#include <string>
#include <unistd.h>
#include <vector>

using namespace phi;

namespace {

/// Pushes the pieces; what came out after each, and at the end.
std::vector<std::string> passed(std::vector<const char *> stops, std::vector<std::string> pieces) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  std::vector<uint8_t> memory(4096 + 64);
  StopFilter filter;
  Layout layout;
  layout.base = memory.data();
  layoutStopFilter(&filter, &layout, stops.data(), int64_t(stops.size()), 64);
  std::vector<std::string> out;
  Writer writer(ends[1]);
  auto drain = [&] {
    writer << '|';
    writer.flush();
    char bytes[256];
    ssize_t got = read(ends[0], bytes, sizeof(bytes));
    out.push_back(std::string(bytes, size_t(got - 1)));
  };
  bool goOn = true;
  for (const std::string &piece : pieces)
    if (goOn) {
      goOn = push(&filter, Text(piece.data(), piece.size()), &writer);
      drain();
    }
  finish(&filter, &writer);
  drain();
  close(ends[0]);
  close(ends[1]);
  return out;
}

using Pieces = std::vector<std::string>;

TEST(StopFilter, WithoutStopsAllPassesAtOnce) { EXPECT_EQ(passed({}, {"a", "bc", ""}), (Pieces{"a", "bc", "", ""})); }

TEST(StopFilter, HoldsBackWhatMayBecomeAStop) {
  EXPECT_EQ(passed({"END"}, {"xE", "N", "x", "E"}), (Pieces{"x", "", "ENx", "", "E"}));
}

TEST(StopFilter, EndsBeforeTheStop) {
  EXPECT_EQ(passed({"END"}, {"one E", "ND two", "three"}), (Pieces{"one ", "", ""}));
  EXPECT_EQ(passed({"\n\n", "User:"}, {"a\nUs", "er: b"}), (Pieces{"a\n", "", ""}));
}

TEST(StopFilter, AHeldBackBeginningMayBeginAnew) {
  EXPECT_EQ(passed({"aab"}, {"aa", "a", "b!"}), (Pieces{"", "a", "", ""}));
}

TEST(StopFilter, TheEarliestStopCounts) { EXPECT_EQ(passed({"bc", "abcd"}, {"xabcd"}), (Pieces{"x", ""})); }

TEST(StopFilter, NeverCutsACharacter) {
  // The stop text is the second half of U+00E9.
  EXPECT_EQ(passed({"\xa9"}, {"\xc3\xa9", "."}), (Pieces{"\xc3\xa9", ".", ""}));
}

} // namespace
