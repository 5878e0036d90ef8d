//===- MapFunctionsTest.cpp - Functions of floats, measured ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiled code of every function of phiq.map that is approximated, against its meaning in double precision: of one
// operand one float in 2017, of all exponents and both signs, with PHIC_CHECK_ALL=1 all 2^32 of them; pow of pairs drawn
// and of the special values. MapFunctions.cpp's bound holds for each, what is no number is none in both, and the greatest
// share of the bound is printed.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/MapFunctions.h"
#include "KernelJit.h"
#include "mlir/Parser/Parser.h"
#include "targets/code/MapCode.h"
#include "targets/cpu/kernels/KernelLibrary.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>
#include <thread>

using namespace phic;
using namespace mlir;

namespace {

using phiq::MapFunction;

constexpr int64_t kLanes = 8, kTogether = 1 << 14;
constexpr uint32_t kStride = 2017;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// f(xs, result, count): the function of arrays, count a multiple of kLanes.
class Compiled {
public:
  explicit Compiled(const MapFunctionRow &row) : context(makeKernelContext()) {
    const std::string name = stringifyMapFunction(row.function).str(), type = "tensor<8xf32>";
    std::string arguments = "%a: " + type, types = type, operands = "%a";
    if (row.arity == 2) {
      arguments += ", %b: " + type;
      types += ", " + type;
      operands += ", %b";
    }
    source =
        parseSourceString<ModuleOp>("func.func @f(" + arguments + ") -> " + type + " { %0 = phiq.map " + name + " " +
                                        operands + " : (" + types + ") -> " + type + " return %0 : " + type + " }",
                                    context.get());
    phiq::MapOp op;
    source->walk([&](phiq::MapOp found) { op = found; });
    module = ModuleOp::create(UnknownLoc::get(context.get()));
    emit(op);
    jit = std::make_unique<KernelJit>(*module, defaultCpuLevel());
    if (jit->ok())
      function = jit->get<void(const float *, const float *, float *, int64_t)>("f");
  }

  bool ok() const { return function != nullptr; }
  void operator()(const float *x, const float *y, float *result, int64_t count) const { function(x, y, result, count); }

private:
  void emit(phiq::MapOp op) {
    KernelLibrary library(*module);
    Type pointer = LLVM::LLVMPointerType::get(context.get()), i64 = IntegerType::get(context.get(), 64);
    library.define("f", "f", op.getLoc(), LLVM::Linkage::External, {pointer, pointer, pointer, i64},
                   [&](KernelBuilder &b, Block::BlockArgListType a) {
                     b.loop(b.i64(0), a[3], kLanes, [&](Value i) {
                       LaneValues values(b, [](Value) { return Value(); });
                       for (auto [k, x] : llvm::enumerate(op.getXs()))
                         values[x] = loadLanes(b, b.getF32Type(), kLanes, b.offset(a[k], b.mul(i, 4)));
                       values.compute(op);
                       storeLanes(b, b.getF32Type(), values[op.getResult()], b.offset(a[2], b.mul(i, 4)));
                     });
                   });
  }

  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> source, module;
  std::unique_ptr<KernelJit> jit;
  void (*function)(const float *, const float *, float *, int64_t) = nullptr;
};

/// The worst result, in shares of its bound.
struct Worst {
  double share = 0;
  float x = 0, y = 0, got = 0;
  void add(const Worst &other) { *this = other.share > share ? other : *this; }
};

/// How much of the bound a result uses; infinity where it is none, or where only one of both is a number.
double shareOf(const MapFunctionRow &row, const double *x, float got) {
  const double exact = row.real(x), bound = row.relative * std::fabs(exact) + row.absolute;
  if (std::isnan(exact) || std::isnan(got))
    return std::isnan(exact) && std::isnan(got) ? 0 : kInfinity;
  if (std::isinf(got)) // rightly, where the value or what is within its bound is no float
    return std::fabs(exact) + bound >= 0x1.ffffffp127 && std::signbit(exact) == std::signbit(got) ? 0 : kInfinity;
  return got == exact ? 0 : std::isinf(exact) ? kInfinity : std::fabs(got - exact) / bound;
}

float floatOf(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/// Sines are computed of |x| < 2^50 (KernelMath.h).
bool isMeant(MapFunction function, float x) {
  return (function != MapFunction::Sine && function != MapFunction::Cosine) || !(std::fabs(x) >= 0x1p50f) ||
         std::isinf(x);
}

/// Floats of the numbers first, first + step, ... of all 2^32.
Worst overFloats(const MapFunctionRow &row, const Compiled &compiled, uint64_t first, uint64_t step) {
  Worst worst;
  std::vector<float> x(kTogether), y(kTogether);
  for (uint64_t next = first; next < uint64_t(1) << 32;) {
    int64_t count = 0;
    for (; count < kTogether && next < uint64_t(1) << 32; next += step)
      x[size_t(count++)] = floatOf(uint32_t(next));
    compiled(x.data(), nullptr, y.data(), (count + kLanes - 1) / kLanes * kLanes);
    for (int64_t i = 0; i < count; ++i) {
      const double operand = x[size_t(i)];
      if (isMeant(row.function, x[size_t(i)]))
        worst.add({shareOf(row, &operand, y[size_t(i)]), x[size_t(i)], 0, y[size_t(i)]});
    }
  }
  return worst;
}

/// On all processors.
Worst overAll(const MapFunctionRow &row, const Compiled &compiled) {
  const uint64_t step = getenv("PHIC_CHECK_ALL") ? 1 : kStride,
                 threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<Worst> found(threads);
  std::vector<std::thread> running;
  for (uint64_t t = 0; t < threads; ++t)
    running.emplace_back([&, t] { found[t] = overFloats(row, compiled, t * step, threads * step); });
  for (std::thread &thread : running)
    thread.join();
  Worst worst;
  for (const Worst &other : found)
    worst.add(other);
  return worst;
}

class ApproximatedFunctions : public testing::TestWithParam<MapFunction> {};

TEST_P(ApproximatedFunctions, AreWithinTheirBound) {
  const MapFunctionRow &row = mapFunctionRow(GetParam());
  const Compiled compiled(row);
  ASSERT_TRUE(compiled.ok());
  const Worst worst = overAll(row, compiled);
  std::printf("%s: %.3f of the bound, at %a (%a)\n", stringifyMapFunction(row.function).str().c_str(), worst.share,
              worst.x, worst.got);
  EXPECT_LE(worst.share, 1) << worst.x << " gives " << worst.got;
}

INSTANTIATE_TEST_SUITE_P(All, ApproximatedFunctions,
                         testing::Values(MapFunction::Exp, MapFunction::Log, MapFunction::Erf, MapFunction::Tanh,
                                         MapFunction::Sigmoid, MapFunction::Sine, MapFunction::Cosine,
                                         MapFunction::Gelu),
                         [](const auto &info) { return stringifyMapFunction(info.param).str(); });

/// Bases and exponents of which one is special, or both are any floats, or such that the result is one.
std::vector<std::pair<float, float>> powers() {
  const float special[] = {0,
                           1,
                           2,
                           0.5f,
                           3,
                           1e-45f,
                           0x1p-126f,
                           0x1.fffffep127f,
                           33.5f,
                           1e10f,
                           7,
                           1.5f,
                           0x1.fffffep-1f,
                           0x1.000002p0f,
                           16777216,
                           kInfinity};
  std::vector<std::pair<float, float>> result;
  for (float x : special)
    for (float y : special)
      for (int signs = 0; signs < 4; ++signs)
        result.push_back({signs & 1 ? -x : x, signs & 2 ? -y : y});
  std::mt19937 random(4);
  std::uniform_real_distribution<float> exponent(-126, 127);
  for (int i = 0; i < 1 << 20; ++i) {
    const float x = floatOf(uint32_t(random())), any = floatOf(uint32_t(random()));
    result.push_back({x, any});
    result.push_back({x, exponent(random) / std::log2(std::fabs(x))});
    result.push_back({x, std::rint(any)});
  }
  return result;
}

TEST(Powers, AreWithinTheirBound) {
  const MapFunctionRow &row = mapFunctionRow(MapFunction::Power);
  const Compiled compiled(row);
  ASSERT_TRUE(compiled.ok());
  std::vector<float> x, y;
  for (auto [base, exponent] : powers()) {
    x.push_back(base);
    y.push_back(exponent);
  }
  const size_t count = x.size(), room = (count + kLanes - 1) / kLanes * kLanes;
  x.resize(room);
  y.resize(room);
  std::vector<float> got(room);
  compiled(x.data(), y.data(), got.data(), int64_t(room));
  Worst worst;
  for (size_t i = 0; i < count; ++i) {
    const double operands[] = {x[i], y[i]};
    worst.add({shareOf(row, operands, got[i]), x[i], y[i], got[i]});
  }
  std::printf("pow: %.3f of the bound, at %a ^ %a (%a)\n", worst.share, worst.x, worst.y, worst.got);
  EXPECT_LE(worst.share, 1) << worst.x << " ^ " << worst.y << " gives " << worst.got;
}

} // namespace
