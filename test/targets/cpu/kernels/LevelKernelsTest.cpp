//===- LevelKernelsTest.cpp - Matmul tiles of every level ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every weight format, 1 to 9 rows, odd numbers of columns and elements of K, on every CPU
// level: within the bound, equal to the first level bit for bit, whatever the number of
// rows; and integer partial sums exactly.
//===----------------------------------------------------------------------===//
#include "KernelProgram.h"
#include "gtest/gtest.h"
#include <cstring>
#include <map>

using namespace phic;

namespace {

struct Shape {
  int64_t K, N;
};
/// K: whole blocks and ragged ones; N: one column, less than a panel, one panel, an odd number, and whole groups with rests.
constexpr Shape kShapes[] = {{96, 40}, {160, 41}, {80, 7}, {100, 24}, {77, 9}, {192, 1}, {288, 72}};
constexpr int64_t kMostRows = 9;

/// The shapes in turn, so that every format has several.
class Shapes {
public:
  Shape next() { return kShapes[index++ % std::size(kShapes)]; }

private:
  size_t index = 0;
};

const std::vector<MatmulProblem> &productProblems() {
  static const std::vector<MatmulProblem> problems = [] {
    std::vector<MatmulProblem> made;
    Shapes shapes;
    auto add = [&](const BlockFormat *format, Scalar element, int64_t lhsBlock) {
      Shape shape = shapes.next();
      made.emplace_back(format, element, lhsBlock, kMostRows, shape.N, shape.K);
    };
    for (const BlockFormat &format : matmulFormats()) {
      add(&format, Scalar::F32, format.block % 32 == 0 ? 32 : 16);
      add(&format, Scalar::F32, 16);
      add(&format, Scalar::F32, 0);
    }
    for (Scalar element : {Scalar::F32, Scalar::F16, Scalar::BF16})
      for (int i = 0; i < 2; ++i)
        add(nullptr, element, 0);
    return made;
  }();
  return problems;
}

/// One block of K, and several: results are integers below 2^24.
const std::vector<MatmulProblem> &integerProblems() {
  static const std::vector<MatmulProblem> problems = [] {
    std::vector<MatmulProblem> made;
    for (const BlockFormat &format : matmulFormats()) {
      const int64_t lhsBlock = format.block % 32 == 0 ? 32 : 16;
      for (Shape shape : {Shape{lhsBlock, 17}, {160, 25}})
        made.emplace_back(&format, Scalar::F32, lhsBlock, kMostRows, shape.N, shape.K, Numbers::Integers);
    }
    return made;
  }();
  return problems;
}

std::string nameOf(const MatmulProblem &problem) {
  return (problem.format ? problem.format->str() : std::string(scalarName(problem.operands.rhs.element))) + ", lhs " +
         std::to_string(problem.operands.lhsBlock) + ", K " + std::to_string(problem.operands.K) + ", N " +
         std::to_string(problem.N);
}

/// Results of a level, computed once: those of productProblems(), then those of integerProblems().
const KernelResults &resultsOf(const CpuTarget &level) {
  static std::map<const CpuTarget *, KernelResults> known;
  auto [at, isNew] = known.try_emplace(&level);
  if (isNew) {
    std::vector<MatmulProblem> problems = productProblems();
    problems.insert(problems.end(), integerProblems().begin(), integerProblems().end());
    at->second = multiplyOn(level, problems);
  }
  return at->second;
}

class LevelKernels : public testing::TestWithParam<const CpuTarget *> {
protected:
  void SetUp() override {
    const KernelResults &results = resultsOf(*GetParam());
    if (!results.missing.empty())
      GTEST_SKIP() << "[SKIP] " << GetParam()->name << ": " << results.missing;
    ASSERT_EQ(results.failure, "");
  }
};

TEST_P(LevelKernels, AreWithinTheirBound) {
  const KernelResults &results = resultsOf(*GetParam());
  for (size_t i = 0; i < productProblems().size(); ++i) {
    const MatmulProblem &problem = productProblems()[i];
    const float *all = results.products[i].data() + KernelResults::begin(problem, kMostRows);
    MatmulProblem::WorstShare worst = problem.worstShare(all, resultStride(problem));
    EXPECT_LE(worst.share, 1) << nameOf(problem) << ": row " << worst.row << ", column " << worst.column;
  }
}

TEST_P(LevelKernels, DoNotDependOnTheNumberOfRows) {
  const KernelResults &results = resultsOf(*GetParam());
  for (size_t i = 0; i < productProblems().size(); ++i) {
    const MatmulProblem &problem = productProblems()[i];
    const float *all = results.products[i].data() + KernelResults::begin(problem, kMostRows);
    for (int64_t rows = 1; rows < kMostRows; ++rows)
      EXPECT_EQ(std::memcmp(results.products[i].data() + KernelResults::begin(problem, rows), all,
                            4 * rows * resultStride(problem)),
                0)
          << nameOf(problem) << ": " << rows << " rows";
  }
}

TEST_P(LevelKernels, AgreeBitForBit) {
  const CpuTarget &first = cpuLevels().front();
  if (!resultsOf(first).missing.empty())
    GTEST_SKIP() << "[SKIP] " << first.name << ": " << resultsOf(first).missing;
  for (size_t i = 0; i < productProblems().size(); ++i) {
    const std::vector<float> &expected = resultsOf(first).products[i], &got = resultsOf(*GetParam()).products[i];
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), 4 * expected.size()), 0) << nameOf(productProblems()[i]);
  }
}

TEST_P(LevelKernels, AddIntegersExactly) {
  const KernelResults &results = resultsOf(*GetParam());
  for (size_t i = 0; i < integerProblems().size(); ++i) {
    const MatmulProblem &problem = integerProblems()[i];
    const float *all = results.products[productProblems().size() + i].data() + KernelResults::begin(problem, kMostRows);
    for (int64_t m = 0; m < problem.M; ++m)
      for (int64_t n = 0; n < problem.N; ++n)
        ASSERT_EQ(double(all[m * resultStride(problem) + n]), problem.exact(m, n))
            << nameOf(problem) << ": row " << m << ", column " << n;
  }
}

std::vector<const CpuTarget *> levels() {
  std::vector<const CpuTarget *> all;
  for (const CpuTarget &level : cpuLevels())
    all.push_back(&level);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Levels, LevelKernels, testing::ValuesIn(levels()),
                         [](const auto &info) { return std::string(info.param->isa); });

} // namespace
