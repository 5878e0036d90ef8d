//===- ContractionTest.cpp - Rows times packed weights ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integers are exact, floats within the bound of K roundings, on every level that this machine runs: rows of tensors and
// of windows, whose sizes are no multiples of anything.
//===----------------------------------------------------------------------===//
#include "ContractionProblem.h"
#include "KernelJit.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace phic;
using namespace mlir;

namespace {

using Element = RowSource::Element;
constexpr int64_t kGuard = 64;

/// `sums` of rows from `row` on.
void compare(const ContractionProblem &problem, const uint8_t *sums, int64_t padded, int64_t row, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    for (int64_t n = 0; n < problem.N; ++n) {
      const uint8_t *at = sums + 4 * (i * padded + n);
      const double exact = problem.exact(row + i, n);
      if (problem.shape.lhs.element == Element::F32) {
        float got;
        std::memcpy(&got, at, 4);
        ASSERT_LE(std::abs(got - exact), double(problem.shape.K) * 0x1p-24 * problem.magnitude(row + i, n))
            << "row " << row + i << " column " << n;
      } else {
        int32_t got;
        std::memcpy(&got, at, 4);
        ASSERT_EQ(got, exact) << "row " << row + i << " column " << n;
      }
    }
}

/// All rows in two tiles, the first of whole register tiles.
void check(const ContractionProblem &problem, const CpuTarget &level) {
  std::optional<Contraction> contraction = Contraction::of(level, problem.shape);
  ASSERT_TRUE(contraction);
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = problem.emit(*context, *contraction);
  KernelJit jit(*module, level);
  ASSERT_TRUE(jit.ok());
  auto *core = jit.get<ContractionCore>("core");
  const int64_t padded = contraction->paddedColumns(problem.N), MR = contraction->MR(), first = problem.M / MR / 2 * MR;
  for (auto [row, count] : {std::pair<int64_t, int64_t>{0, first}, {first, problem.M - first}}) {
    const int64_t sumBytes = count * padded * 4, scratchBytes = contraction->scratchBytes(count, problem.N);
    std::vector<uint8_t> sums(sumBytes + kGuard, 0xa5), scratch(scratchBytes + kGuard, 0xff);
    core(problem.lhs.data(), problem.rhs.data(), problem.rhsZeros.data(), sums.data(), scratch.data(), row, count);
    compare(problem, sums.data(), padded, row, count);
    for (int64_t i = 0; i < kGuard; ++i)
      ASSERT_TRUE(sums[sumBytes + i] == 0xa5 && scratch[scratchBytes + i] == 0xff) << "wrote behind its memory";
  }
}

/// Whether weights of codes have zero points; dense rows, which have sums of their own for them, with and without.
std::vector<bool> zerosOf(Scalar rhs, bool isDense) {
  if (rhs != Scalar::I8 && rhs != Scalar::U8)
    return {false};
  return isDense ? std::vector<bool>{false, true} : std::vector<bool>{rhs == Scalar::U8};
}

/// Every level; codes of rows have zero points. Dense rows are of the types that activations have.
void checkAll(Element element, int64_t M, int64_t N, int64_t K, std::optional<WindowShape> window = std::nullopt,
              bool isDense = false) {
  const bool isFloat = element == Element::F32;
  for (const CpuTarget &level : cpuLevels())
    for (Scalar rhs : isFloat ? std::vector<Scalar>{Scalar::F32, Scalar::F16, Scalar::BF16}
                              : std::vector<Scalar>{Scalar::I8, Scalar::U8}) {
      if (!canRunHere(level) || (isDense && (rhs == Scalar::F16 || rhs == Scalar::BF16)))
        continue;
      SCOPED_TRACE(std::string(level.name) + " " + std::string(scalarName(rhs)) + " M " + std::to_string(M) + " N " +
                   std::to_string(N) + " K " + std::to_string(K));
      for (bool hasZeros : zerosOf(rhs, isDense)) {
        ContractionProblem problem(element, rhs, M, N, K, window);
        if (isDense)
          problem.layDense(rhs);
        if (!isFloat) {
          problem.lhsZero = element == Element::S8 ? -128 : 131;
          problem.fill = element == Element::S8 ? 127 : 131;
        }
        if (hasZeros)
          problem.drawRhsZeros();
        check(problem, level);
      }
    }
}

class ContractionKernels : public testing::TestWithParam<Element> {};

TEST_P(ContractionKernels, RowsOfTensors) {
  for (auto [M, N, K] : {std::tuple<int64_t, int64_t, int64_t>{25, 40, 96},
                         {1, 8, 1},
                         {13, 17, 33},
                         {100, 24, 40},
                         {71, 8, 300},
                         {7, 100, 515},
                         {24, 32, 1030},
                         {3, 5, 2051}})
    checkAll(GetParam(), M, N, K);
}

TEST_P(ContractionKernels, SumsOfManyElements) { checkAll(GetParam(), 2, 9, (1 << 15) + 7); }

TEST_P(ContractionKernels, FewColumns) {
  for (auto [M, N, K] :
       {std::tuple<int64_t, int64_t, int64_t>{61, 1, 200}, {5, 2, 3}, {75, 3, 1030}, {2, 1, 515}, {4, 3, 256}})
    checkAll(GetParam(), M, N, K, std::nullopt, /*isDense=*/true);
  checkAll(GetParam(), 9 * 11, 1, 5 * 5 * 8,
           WindowShape{.height = 9, .width = 11, .channels = 8, .result = {9, 11}, .kernel = {5, 5}, .pads = {2, 2}},
           /*isDense=*/true);
}

TEST_P(ContractionKernels, DenseRows) {
  for (auto [M, N, K] : {std::tuple<int64_t, int64_t, int64_t>{25, 40, 96},
                         {1, 4, 1},
                         {13, 17, 33},
                         {71, 8, 300},
                         {7, 100, 515},
                         {24, 36, 1030},
                         {3, 5, 2051}})
    checkAll(GetParam(), M, N, K, std::nullopt, /*isDense=*/true);
}

TEST_P(ContractionKernels, Windows) {
  // The first convolution of many networks, of few channels.
  checkAll(GetParam(), 5 * 6, 20, 7 * 7 * 3,
           WindowShape{.height = 9,
                       .width = 11,
                       .channels = 3,
                       .result = {5, 6},
                       .kernel = {7, 7},
                       .strides = {2, 2},
                       .pads = {3, 3}});
  // Whole vectors; two images.
  checkAll(GetParam(), 2 * 4 * 5, 16, 3 * 3 * 32,
           WindowShape{.height = 4, .width = 5, .channels = 32, .result = {4, 5}, .kernel = {3, 3}, .pads = {1, 1}});
  // Dilated, from side to side of the pads; runs that chunks cut.
  checkAll(GetParam(), 3 * 4, 24, 2 * 3 * 130,
           WindowShape{.height = 4,
                       .width = 6,
                       .channels = 130,
                       .result = {3, 4},
                       .kernel = {2, 3},
                       .pads = {2, 4},
                       .dilations = {3, 5}});
  // One dimension, kernel greater than what there is.
  checkAll(GetParam(), 4, 8, 9 * 5,
           WindowShape{.width = 3, .channels = 5, .result = {1, 4}, .kernel = {1, 9}, .pads = {0, 4}});
}

/// Sums of products that pairs of 16 bits would not hold, of bytes that are paired in every way and apart.
TEST(ContractionPairs, DoNotSaturate) {
  for (const CpuTarget &level : cpuLevels())
    for (Scalar rhs : {Scalar::I8, Scalar::U8})
      for (Element element : {Element::U8, Element::S8})
        for (float extreme : {0.0f, 127.0f, -128.0f}) {
          if (!canRunHere(level))
            continue;
          SCOPED_TRACE(std::string(level.name) + " " + std::string(scalarName(rhs)) + " " + std::to_string(extreme));
          ContractionProblem problem(element, rhs, 29, 43, 1203);
          problem.drawUsualCodes();
          std::fill(problem.lhs.begin(), problem.lhs.end(), element == Element::S8 ? 127 : 255);
          if (extreme != 0)
            problem.fillWeights(extreme);
          check(problem, level);
        }
}

/// Codes of every number of planes, signed and not; blocks that chunks of 256 elements cut, and one a row, of any length.
TEST(ContractionBlocks, AreTheFloatsTheyStandFor) {
  for (int64_t K : {27, 1030})
    for (std::string format : {"u4, 32, scale = f16, zero = 8", "s8, 32, scale = f16", "u4, 16, scale = f16, zero = u4",
                               "u8, 48, scale = f32, zero = u8", "u5, 32, scale = f16, min = f16",
                               "u3, 16, scale = bf16, zero = 4", "u2, 256, scale = f32, zero = f32",
                               "s4, 80, scale = f32", "s8, ROW, scale = f16", "u4, ROW, scale = f16, zero = u4"}) {
      if (size_t row = format.find("ROW"); row != std::string::npos)
        format.replace(row, 3, std::to_string(K));
      std::string reason;
      std::optional<BlockFormat> parsed = BlockFormat::parse(format, &reason);
      ASSERT_TRUE(parsed) << format << " " << reason;
      ContractionProblem problem(Element::F32, Scalar::F32, 13, 41, K);
      problem.drawBlocks(*parsed);
      for (const CpuTarget &level : cpuLevels())
        if (canRunHere(level)) {
          SCOPED_TRACE(std::string(level.name) + " " + format + " K " + std::to_string(K));
          check(problem, level);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Elements, ContractionKernels, testing::Values(Element::F32, Element::U8, Element::S8));

} // namespace
