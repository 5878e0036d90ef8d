//===- RegionCodeTest.cpp - Regions against double precision ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every operation and kind of output, compiled by Halide and run here, against a
// reference in double; and what the code must not contain.
//===----------------------------------------------------------------------===//
#include "targets/cpu/regions/RegionCode.h"
#include "dialects/phiq/Numerics.h"
#include "test/targets/cpu/regions/RegionText.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Triple.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace phic;

namespace {

constexpr double kUnit = 0x1p-24;
const int64_t kLengths[] = {1, 5, 16, 64, 96, 100, 160, 576, 3072};

bool hostRuns() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

/// A region as a function of this process.
class Compiled {
public:
  explicit Compiled(const ParsedRegion &region) : argumentCount(region->argumentCount()) {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    auto context = std::make_unique<llvm::LLVMContext>();
    const CpuTarget &target = defaultCpuLevel();
    auto module = compileRegion(*region, "region", target, *context);
    if (!module) {
      ADD_FAILURE() << llvm::toString(module.takeError());
      return;
    }
    llvm::orc::JITTargetMachineBuilder builder{llvm::Triple(std::string(systemOf(target).triple))};
    builder.setCPU(std::string(target.llvmCpu)).setRelocationModel(llvm::Reloc::PIC_);
    jit = llvm::cantFail(llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(builder).create());
    (*module)->setDataLayout(jit->getDataLayout());
    (*module)->setTargetTriple(llvm::Triple(std::string(systemOf(target).triple)));
    llvm::cantFail(jit->addIRModule({std::move(*module), std::move(context)}));
    address = llvm::cantFail(jit->lookup("region")).toPtr<void *>();
  }

  void operator()(std::vector<void *> arguments) const {
    ASSERT_EQ(arguments.size(), argumentCount);
    arguments.resize(6);
    using Function = void (*)(void *, void *, void *, void *, void *, void *);
    reinterpret_cast<Function>(address)(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                                        arguments[5]);
  }

private:
  unsigned argumentCount;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  void *address = nullptr;
};

class RegionCode : public testing::Test {
protected:
  void SetUp() override {
    if (!hostRuns())
      GTEST_SKIP() << "[SKIP] this machine does not run " << defaultCpuLevel().name;
  }

  std::vector<float> randomRow(int64_t length, float spread = 2) {
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> row(static_cast<size_t>(length));
    for (float &value : row)
      value = normal(random);
    return row;
  }

  std::mt19937 random{42};
};

/// |found - wanted| <= bound(i), element by element.
template <typename Found, typename Bound>
void expectNear(const Found &found, const std::vector<double> &wanted, Bound bound) {
  for (size_t i = 0; i < wanted.size(); ++i)
    ASSERT_LE(std::fabs(double(found[i]) - wanted[i]), bound(i))
        << "element " << i << " of " << wanted.size() << ": found " << found[i] << ", wanted " << wanted[i];
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

TEST_F(RegionCode, AddsAndMultipliesRows) {
  for (int64_t n : kLengths) {
    ParsedRegion region("(%a: ROW, %b: ROW, %c: ROW) -> ROW { %0 = arith.addf %a, %b : ROW\n"
                        "%1 = arith.mulf %0, %c : ROW  return %1 : ROW }",
                        n);
    std::vector<float> x = randomRow(n), y = randomRow(n), z = randomRow(n), out(n + 1, 7.0f);
    Compiled compiled(region);
    compiled({x.data(), y.data(), z.data(), out.data()});
    for (int64_t i = 0; i < n; ++i)
      ASSERT_EQ(out[i], float(x[i] + y[i]) * z[i]) << n << " " << i;
    EXPECT_EQ(out[n], 7.0f) << "wrote past the row of " << n;
    compiled({x.data(), y.data(), z.data(), x.data()});
    out.pop_back();
    EXPECT_EQ(x, out) << "in place";
  }
}

struct Activation {
  std::string op;
  double (*meaning)(double);
  /// Units of 2^-24 by which the result may differ, relative to it, plus those relative to x.
  double relative, absolute;
};

double reluOf(double x) { return std::max(x, 0.0); }
double siluOf(double x) { return x / (1 + std::exp(-x)); }
double sigmoidOf(double x) { return 1 / (1 + std::exp(-x)); }
double geluOf(double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }
double geluTanhOf(double x) { return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

/// 4 and 5 units: exp within 2, the sum, the quotient, the product. gelu's relative error grows as x^2 / 2 with the
/// rounding of x^2, gelu_tanh's as its exponent, both where the result is tiny: 24 units at x = -6, and 2^-20 absolute
/// would have been enough (ErrorBounds).
TEST_F(RegionCode, ActivationsAreAccurate) {
  const Activation activations[] = {{"phiq.relu", reluOf, 0, 0},
                                    {"phiq.silu", siluOf, 6, 0},
                                    {"phiq.sigmoid", sigmoidOf, 6, 0},
                                    {"phiq.gelu", geluOf, 10, 1},
                                    {"phiq.gelu_tanh", geluTanhOf, 10, 1}};
  std::vector<float> x;
  for (float v = -90; v <= 90; v += 0.013f)
    x.push_back(v);
  for (float v : {0.0f, -0.0f, 1e-30f, -1e-30f, 1e4f, -1e4f, 1e18f})
    x.push_back(v);
  for (const Activation &activation : activations) {
    ParsedRegion region("(%x: ROW) -> ROW { %0 = " + activation.op + " %x : ROW  return %0 : ROW }", int64_t(x.size()));
    std::vector<float> out(x.size());
    Compiled{region}({x.data(), out.data()});
    std::vector<double> wanted;
    for (float v : x)
      wanted.push_back(activation.meaning(v));
    SCOPED_TRACE(activation.op);
    expectNear(out, wanted, [&](size_t i) {
      return kUnit * (activation.relative * std::fabs(wanted[i]) + activation.absolute * std::fabs(x[i])) + 0x1p-100;
    });
  }
}

/// Bit for bit as Numerics, with one scale and with one a column: ties, saturation, -0, infinities, NaN.
TEST_F(RegionCode, SnapsAsNumericsDoes) {
  for (int64_t n : kLengths)
    for (bool isOne : {true, false}) {
      const std::string scale = isOne ? "tensor<1xf32>" : "VECTOR";
      ParsedRegion region("(%x: ROW, %s: " + scale + ") -> ROW { " +
                              "%0 = phiq.snap %x, %s {least = -100 : i64, greatest = 155 : i64} : ROW, " + scale +
                              "  return %0 : ROW }",
                          n);
      std::vector<float> row = randomRow(n, 20), steps = randomRow(isOne ? 1 : n, 0.3f), out(n);
      const float special[] = {0.5f,     1.5f,      -0.5f, -2.5f, -0.0f,  1e30f,  -1e30f,
                               INFINITY, -INFINITY, NAN,   99.5f, 155.5f, -100.5f};
      for (int64_t i = 0; i < n && i < int64_t(std::size(special)); ++i)
        row[i] = special[i] * steps[isOne ? 0 : i];
      Compiled{region}({row.data(), steps.data(), out.data()});
      for (int64_t i = 0; i < n; ++i) {
        float wanted = snap(row[i], steps[isOne ? 0 : i], -100, 155);
        ASSERT_EQ(std::bit_cast<uint32_t>(out[i]), std::bit_cast<uint32_t>(wanted))
            << n << " " << i << ": " << out[i] << ", " << wanted;
      }
    }
}

/// The definition is that of quantize and dequantize, one after the other.
TEST_F(RegionCode, SnapIsDequantizeOfQuantize) {
  for (float x : randomRow(10000, 20))
    for (int32_t zero : {0, 100, 255}) {
      float whole = dequantize(quantize(x, 0.125f, zero, CodeType{8, false}), 0.125f, float(zero));
      ASSERT_EQ(std::bit_cast<uint32_t>(snap(x, 0.125f, -zero, 255 - zero)), std::bit_cast<uint32_t>(whole)) << x;
    }
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// The sum of squares is off by at most (N / 32 + 5 + 2) units, halved by the square root; quotient, root, two products.
TEST_F(RegionCode, RmsNorm) {
  for (int64_t n : kLengths) {
    ParsedRegion region(
        "(%x: ROW, %g: VECTOR) -> ROW { %0 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : ROW, VECTOR"
        "  return %0 : ROW }",
        n);
    std::vector<float> row = randomRow(n), weights = randomRow(n), out(n);
    Compiled{region}({row.data(), weights.data(), out.data()});
    double squares = 0;
    for (float v : row)
      squares += double(v) * v;
    double inverse = 1 / std::sqrt(squares / double(n) + double(1e-5f));
    std::vector<double> wanted;
    for (int64_t i = 0; i < n; ++i)
      wanted.push_back(row[i] * inverse * weights[i]);
    expectNear(out, wanted, [&](size_t i) { return std::fabs(wanted[i]) * kUnit * (double(n) / 64 + 9); });
  }
}

TEST_F(RegionCode, LayerNorm) {
  for (int64_t n : kLengths) {
    ParsedRegion region("(%x: ROW, %g: VECTOR, %b: VECTOR) -> ROW { "
                        "%0 = phiq.layer_norm %x, %g, %b {epsilon = 1.0e-5 : f32} : ROW, VECTOR, VECTOR"
                        "  return %0 : ROW }",
                        n);
    std::vector<float> row = randomRow(n), weights = randomRow(n), bias = randomRow(n), out(n);
    for (float &v : row)
      v += 3; // a mean that matters
    Compiled{region}({row.data(), weights.data(), bias.data(), out.data()});
    double mean = 0, variance = 0;
    for (float v : row)
      mean += v / double(n);
    for (float v : row)
      variance += (v - mean) * (v - mean) / double(n);
    double inverse = 1 / std::sqrt(variance + double(1e-5f));
    std::vector<double> wanted, magnitude;
    for (int64_t i = 0; i < n; ++i) {
      wanted.push_back((row[i] - mean) * inverse * weights[i] + bias[i]);
      magnitude.push_back((std::fabs(row[i]) + std::fabs(mean)) * inverse * std::fabs(weights[i]) + std::fabs(bias[i]));
    }
    expectNear(out, wanted, [&](size_t i) { return magnitude[i] * kUnit * (double(n) / 16 + 16); });
  }
}

//===----------------------------------------------------------------------===//
// Rope and stored types
//===----------------------------------------------------------------------===//

std::vector<double> ropeOf(const std::vector<float> &x, const std::vector<float> &cos, const std::vector<float> &sin,
                           bool interleaved) {
  std::vector<double> result(x.begin(), x.end());
  size_t half = cos.size();
  for (size_t j = 0; j < half; ++j) {
    size_t a = interleaved ? 2 * j : j, b = interleaved ? 2 * j + 1 : j + half;
    result[a] = double(x[a]) * cos[j] - double(x[b]) * sin[j];
    result[b] = double(x[b]) * cos[j] + double(x[a]) * sin[j];
  }
  return result;
}

TEST_F(RegionCode, Rope) {
  struct Case {
    int64_t head, half;
  };
  for (Case c : {Case{64, 32}, Case{96, 48}, Case{96, 24}, Case{80, 16}, Case{32, 5}, Case{2, 1}})
    for (bool interleaved : {false, true}) {
      SCOPED_TRACE(std::to_string(interleaved) + " " + std::to_string(c.head) + " " + std::to_string(c.half));
      const std::string table = "tensor<1x" + std::to_string(c.half) + "xf32>";
      ParsedRegion region("(%x: ROW, %c: " + table + ", %s: " + table + ") -> (ROW, HALF {phic.step = 8 : i64}) {\n" +
                              "%0 = phiq.rope %x, %c, %s {head_dim = COLUMNS : i64" +
                              (interleaved ? ", interleaved" : "") + "} : ROW, " + table + ", " + table +
                              "\n%1 = arith.truncf %0 : ROW to HALF  return %0, %1 : ROW, HALF }",
                          c.head);
      std::vector<float> row = randomRow(c.head), cosines = randomRow(c.half, 0.5), sines = randomRow(c.half, 0.5);
      std::vector<float> out(c.head);
      std::vector<uint16_t> cache(8 * c.head, 0xabcd);
      Compiled{region}({row.data(), cosines.data(), sines.data(), out.data(), cache.data()});
      std::vector<double> wanted = ropeOf(row, cosines, sines, interleaved);
      expectNear(out, wanted, [&](size_t i) { return kUnit * (2 * std::fabs(wanted[i]) + 10); });
      for (int64_t i = 0; i < 8 * c.head; ++i)
        ASSERT_EQ(cache[i], i % 8 ? 0xabcd : floatToHalf(out[i / 8])) << i;
    }
}

TEST_F(RegionCode, ConvertsStoredTypes) {
  for (int64_t n : kLengths)
    for (int64_t step : {1, 8}) {
      std::vector<float> values = randomRow(n, 100), out(n);
      values[0] = 1e-7f; // a subnormal half
      std::vector<uint16_t> halves(n * step), brains(n * step), back(n * step);
      for (int64_t i = 0; i < n; ++i) {
        halves[i * step] = floatToHalf(values[i]);
        brains[i * step] = floatToBfloat(values[i]);
      }
      const std::string stepped = " {phic.step = " + std::to_string(step) + " : i64}";
      ParsedRegion fromHalf("(%x: HALF" + stepped + ") -> (ROW, HALF" + stepped +
                                ") { %0 = arith.extf %x : HALF to ROW\n" +
                                "%1 = arith.truncf %0 : ROW to HALF  return %0, %1 : ROW, HALF }",
                            n);
      ParsedRegion fromBrain("(%x: BRAIN" + stepped + ") -> ROW { %0 = arith.extf %x : BRAIN to ROW  return %0 : ROW }",
                             n);
      Compiled{fromHalf}({halves.data(), out.data(), back.data()});
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[i], halfToFloat(halves[i * step]));
      EXPECT_EQ(back, halves);
      Compiled{fromBrain}({brains.data(), out.data()});
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[i], bfloatToFloat(brains[i * step]));
    }
}

//===----------------------------------------------------------------------===//
// Quantized rows: bit-equal to Numerics
//===----------------------------------------------------------------------===//

TEST_F(RegionCode, QuantizesAsNumerics) {
  for (int64_t n : kLengths)
    for (int64_t block : {16, 32}) {
      SCOPED_TRACE(std::to_string(n) + " " + std::to_string(block));
      int64_t blocks = (n + block - 1) / block;
      const std::string type = block == 16 ? "Q16" : "Q32";
      ParsedRegion region(
          "(%x: ROW) -> " + type + " { %0 = phiq.quantize %x : ROW -> " + type + "  return %0 : " + type + " }", n);
      std::vector<float> x = randomRow(n);
      for (int64_t i = 0; i < std::min<int64_t>(n / 3, 64); ++i)
        x[i] = 0; // blocks of zeros
      for (int64_t i = n / 2; i < n; i += 3)
        x[i] = float(i % 255) * 0.5f; // ties
      x[n - 1] *= 1e-25f;
      std::vector<int8_t> codes(blocks * block + 1, 99), wantedCodes(blocks * block + 1, 0);
      std::vector<float> scales(blocks), sums(blocks), wantedScales(blocks), wantedSums(blocks);
      wantedCodes.back() = 99;
      Compiled{region}({x.data(), codes.data(), scales.data(), sums.data()});
      quantizeRow(x.data(), n, block, wantedCodes.data(), wantedScales.data(), wantedSums.data());
      EXPECT_EQ(codes, wantedCodes);
      EXPECT_EQ(scales, wantedScales);
      EXPECT_EQ(sums, wantedSums);
    }
}

/// Codes of such a block are any.
TEST_F(RegionCode, WhatIsNotFiniteQuantizesToScalesThatAreNoNumbers) {
  constexpr int64_t n = 100, blocks = 4;
  ParsedRegion region("(%x: ROW) -> Q32 { %0 = phiq.quantize %x : ROW -> Q32  return %0 : Q32 }", n);
  Compiled compiled{region};
  for (float odd : {NAN, -NAN, INFINITY, -INFINITY}) {
    std::vector<float> x = randomRow(n);
    x[40] = x[n - 1] = odd; // a whole block, and the short one at the end
    std::vector<int8_t> codes(blocks * 32), wantedCodes(blocks * 32, 0);
    std::vector<float> scales(blocks), sums(blocks), wantedScales(blocks), wantedSums(blocks);
    compiled({x.data(), codes.data(), scales.data(), sums.data()});
    quantizeRow(x.data(), n, 32, wantedCodes.data(), wantedScales.data(), wantedSums.data());
    for (int64_t b = 0; b < blocks; ++b) {
      ASSERT_EQ(std::isnan(wantedScales[b]), b % 2 == 1);
      EXPECT_EQ(std::isnan(scales[b]), std::isnan(wantedScales[b])) << odd;
      EXPECT_EQ(std::isnan(sums[b]), std::isnan(wantedSums[b])) << odd;
    }
  }
}

/// The operation before it is what the float output would have been, to the bit.
TEST_F(RegionCode, QuantizesAResult) {
  for (int64_t n : {64, 100, 576}) {
    const std::string swiglu = "%0 = phiq.silu %g : ROW\n%1 = arith.mulf %0, %u : ROW\n";
    ParsedRegion region(
        "(%g: ROW, %u: ROW) -> Q32 { " + swiglu + "%2 = phiq.quantize %1 : ROW -> Q32  return %2 : Q32 }", n);
    ParsedRegion floats("(%g: ROW, %u: ROW) -> ROW { " + swiglu + "return %1 : ROW }", n);
    int64_t blocks = (n + 31) / 32;
    std::vector<float> gate = randomRow(n), up = randomRow(n), out(n), scales(blocks), sums(blocks),
                       wantedScales(blocks), wantedSums(blocks);
    std::vector<int8_t> codes(blocks * 32), wantedCodes(blocks * 32);
    Compiled{region}({gate.data(), up.data(), codes.data(), scales.data(), sums.data()});
    Compiled{floats}({gate.data(), up.data(), out.data()});
    quantizeRow(out.data(), n, 32, wantedCodes.data(), wantedScales.data(), wantedSums.data());
    EXPECT_EQ(codes, wantedCodes);
    EXPECT_EQ(scales, wantedScales);
    EXPECT_EQ(sums, wantedSums);
  }
}

//===----------------------------------------------------------------------===//
// Form
//===----------------------------------------------------------------------===//

const std::vector<ParsedRegion> &typicalRegions() {
  static std::vector<ParsedRegion> regions;
  if (!regions.empty())
    return regions;
  const std::string rope = "%0 = phiq.rope %x, %c, %s {head_dim = COLUMNS : i64";
  const std::pair<int64_t, std::string> texts[] = {
      {576, "(%x: ROW, %g: VECTOR) -> Q32 { %0 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : ROW, VECTOR\n"
            "%1 = phiq.quantize %0 : ROW -> Q32  return %1 : Q32 }"},
      {100, "(%x: ROW, %g: VECTOR, %b: VECTOR) -> (ROW, Q16) { "
            "%0 = phiq.layer_norm %x, %g, %b {epsilon = 1.0e-5 : f32} : ROW, VECTOR, VECTOR\n"
            "%1 = phiq.quantize %0 : ROW -> Q16  return %0, %1 : ROW, Q16 }"},
      {64, "(%x: ROW, %y: ROW) -> Q32 { %0 = phiq.silu %x : ROW\n%1 = arith.mulf %0, %y : ROW\n"
           "%2 = phiq.quantize %1 : ROW -> Q32  return %2 : Q32 }"},
      {96, "(%x: ROW, %c: tensor<1x24xf32>, %s: tensor<1x24xf32>) -> (HALF {phic.step = 8 : i64}) { " + rope +
               "} : ROW, tensor<1x24xf32>, tensor<1x24xf32>\n%1 = arith.truncf %0 : ROW to HALF  return %1 : HALF }"},
      {64, "(%x: ROW, %c: tensor<1x32xf32>, %s: tensor<1x32xf32>) -> ROW { " + rope +
               ", interleaved} : ROW, tensor<1x32xf32>, tensor<1x32xf32>  return %0 : ROW }"},
      {3072, "(%x: HALF {phic.step = 8 : i64}) -> ROW { %0 = arith.extf %x : HALF to ROW  return %0 : ROW }"},
      {3072, "(%x: ROW) -> ROW { %0 = phiq.gelu %x : ROW  return %0 : ROW }"}};
  for (const auto &[columns, text] : texts)
    regions.emplace_back(text, columns);
  return regions;
}

TEST(RegionForm, HasNoBuffersAndNoCalls) {
  for (const ParsedRegion &region : typicalRegions()) {
    llvm::LLVMContext context;
    auto module = llvm::cantFail(compileRegion(*region, "region", defaultCpuLevel(), context));
    for (llvm::Function &function : *module)
      EXPECT_TRUE(function.isIntrinsic() || function.getName() == "region") << function.getName().str();
    int64_t stackBytes = 0;
    for (llvm::Instruction &instruction : llvm::instructions(*module->getFunction("region"))) {
      if (auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction))
        EXPECT_TRUE(llvm::isa<llvm::IntrinsicInst>(call)) << region->name();
      if (auto *slot = llvm::dyn_cast<llvm::AllocaInst>(&instruction))
        stackBytes += int64_t(slot->getAllocationSize(module->getDataLayout())->getFixedValue());
      EXPECT_FALSE(instruction.hasMetadata(llvm::LLVMContext::MD_tbaa));
    }
    EXPECT_EQ(stackBytes, 0) << region->name();
  }
}

TEST(RegionForm, IsDeterministic) {
  auto bitcodes = [] {
    std::vector<std::string> result;
    for (const ParsedRegion &region : typicalRegions()) {
      llvm::LLVMContext context;
      auto module = llvm::cantFail(compileRegion(*region, "region", defaultCpuLevel(), context));
      llvm::raw_string_ostream stream(result.emplace_back());
      llvm::WriteBitcodeToFile(*module, stream);
    }
    return result;
  };
  EXPECT_EQ(bitcodes(), bitcodes());
}

} // namespace
