//===- HarnessTest.cpp - What runs the node tests finds what is wrong ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/graphs/Arrays.h"
#include "test/graphs/NodeTest.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <csignal>
#include <limits>

using namespace phic;
using namespace phic::test;
using testing::ElementsAre;

namespace {

template <typename T> Array arrayOf(std::string descr, std::vector<T> elements) {
  const char *begin = reinterpret_cast<const char *>(elements.data());
  return {std::move(descr), {int64_t(elements.size())}, {begin, begin + elements.size() * sizeof(T)}};
}

TEST(Harness, FloatsMayDifferByTheirTolerance) {
  const Tolerance tolerance = {1e-3, 1e-7};
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();
  const Array expected = arrayOf<float>("<f4", {1000, 0, kNan, kInfinity});
  EXPECT_EQ(difference(arrayOf<float>("<f4", {1000.9f, 1e-8f, kNan, kInfinity}), expected, tolerance), "");
  EXPECT_EQ(difference(arrayOf<float>("<f4", {1002, 0, 0, kInfinity}), expected, tolerance),
            "has 2 of 4 elements wrong, the first at 0: 1002 instead of 1000");
  EXPECT_EQ(difference(arrayOf<float>("<f4", {1000, 0, kNan, -kInfinity}), expected, tolerance),
            "has 1 of 4 elements wrong, the first at 3: -inf instead of inf");
}

TEST(Harness, IntegersMayNot) {
  const Tolerance tolerance = {1e-3, 1e-7};
  const Array expected = arrayOf<int64_t>("<i8", {5000, -1});
  EXPECT_EQ(difference(expected, expected, tolerance), "");
  EXPECT_EQ(difference(arrayOf<int64_t>("<i8", {5000, 1}), expected, tolerance),
            "has 1 of 2 elements wrong, the first at 1: 1 instead of -1");
  EXPECT_EQ(difference(arrayOf<int64_t>("<i8", {5001, -1}), expected, tolerance),
            "has 1 of 2 elements wrong, the first at 0: 5001 instead of 5000");
  EXPECT_EQ(difference(arrayOf<int32_t>("<i4", {5000, -1}), expected, tolerance), "is <i4 [2] instead of <i8 [2]");
}

TEST(Harness, TellsHowAProcessEnds) {
  std::vector<Outcome> outcomes(3);
  auto work = [](size_t i, const Report &report) {
    if (i == 0)
      return report("refused 'x': op 'Foo': the op is not supported");
    report("interpreter ");
    if (i == 1)
      raise(SIGKILL);
    report("compiled ");
    report("verified ");
  };
  runInProcesses(3, /*jobs=*/2, work, [&](size_t i, llvm::ArrayRef<std::string> lines, const std::string &death) {
    outcomes[i] = Outcome(lines, death);
  });
  EXPECT_EQ(outcomes[0].kind(), "import: op 'Foo': the op is not supported");
  EXPECT_FALSE(outcomes[1].passes());
  EXPECT_TRUE(outcomes[1].interpreter.passes);
  EXPECT_EQ(outcomes[1].text(), "compiled: ended by: Killed; verified: ended by: Killed");
  EXPECT_TRUE(outcomes[2].passes());
}

} // namespace
