//===- QuantizeCodeTest.cpp - Quantizations of floats, exactly -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiled code of phiq.map quantize, and of the dequantization on the spot, has no division: it has to give the codes
// of Numerics.h all the same. Scales that are given when it runs may be anything; of constant ones more is known. Floats are
// one in 40009 of all, and what lies at the middles between codes and next to them.
//===----------------------------------------------------------------------===//
#include "KernelJit.h"
#include "dialects/phiq/Numerics.h"
#include "dialects/plan/Plan.h"
#include "mlir/Parser/Parser.h"
#include "targets/code/MapCode.h"
#include "targets/cpu/kernels/KernelLibrary.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace phic;
using namespace mlir;

namespace {

constexpr int64_t kLanes = 8;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// A quantization by `scale`, which is a constant or an argument, and what is made of its codes.
class Compiled {
public:
  Compiled(float scale, bool isConstant, const std::string &codes) : context(makeKernelContext()) {
    uint32_t bits;
    std::memcpy(&bits, &scale, sizeof bits);
    const std::string hex = "0x" + llvm::utohexstr(bits), x = "tensor<8xf32>", q = "tensor<8x" + codes + ">",
                      zero = "tensor<" + codes + ">", types = x + ", tensor<f32>, " + zero;
    source = parseSourceString<ModuleOp>(
        "func.func @f(%x: " + x + ", %s: tensor<f32>, %z: " + zero + ") {\n%c = phiq.constant dense<" + hex +
            "> : tensor<f32>\n%r:2 = plan.stage \"q\"(%x, " + (isConstant ? "%c" : "%s") + ", %z) : (" + types +
            ") -> (" + q + ", " + x + ") {\n^bb0(%a: " + x + ", %b: tensor<f32>, %d: " + zero +
            "):\n%0 = phiq.map quantize %a, %b, %d : (" + types + ") -> " + q +
            "\n%1 = phiq.map dequantize %0, %b, %d : (" + q + ", tensor<f32>, " + zero + ") -> " + x +
            "\nplan.yield %0, %1 : " + q + ", " + x + "\n}\nreturn\n}",
        context.get());
    if (!source)
      return;
    module = ModuleOp::create(UnknownLoc::get(context.get()));
    source->walk([&](plan::StageOp stage) { emit(stage); });
    jit = std::make_unique<KernelJit>(*module, defaultCpuLevel());
    if (jit->ok())
      function = jit->get<Function>("f");
  }

  using Function = void(const float *x, const float *scale, const uint8_t *zero, uint8_t *codes, float *floats,
                        int64_t);
  Function *function = nullptr;

private:
  void emit(plan::StageOp stage) {
    KernelLibrary library(*module);
    Type pointer = LLVM::LLVMPointerType::get(context.get()), i64 = IntegerType::get(context.get(), 64);
    library.define("f", "f", stage.getLoc(), LLVM::Linkage::External,
                   {pointer, pointer, pointer, pointer, pointer, i64},
                   [&](KernelBuilder &b, Block::BlockArgListType a) {
                     Block &body = stage.getBody().front();
                     SmallVector<phiq::MapOp> maps(body.getOps<phiq::MapOp>());
                     Type element = elementTypeOf(maps.front().getResult());
                     b.loop(b.i64(0), a[5], kLanes, [&](Value i) {
                       LaneValues values(b, [](Value) { return Value(); });
                       values[body.getArgument(0)] = loadLanes(b, b.getF32Type(), kLanes, b.offset(a[0], b.mul(i, 4)));
                       values[body.getArgument(1)] = loadSplat(b, b.getF32Type(), kLanes, a[1]);
                       values[body.getArgument(2)] = loadSplat(b, element, kLanes, a[2]);
                       values.compute(maps);
                       storeLanes(b, element, values[maps[0].getResult()], b.offset(a[3], i));
                       storeLanes(b, b.getF32Type(), values[maps[1].getResult()], b.offset(a[4], b.mul(i, 4)));
                     });
                   });
  }

  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> source, module;
  std::unique_ptr<KernelJit> jit;
};

std::vector<float> floatsFor(float scale) {
  std::vector<float> x = {NAN, kInfinity, -kInfinity, 0, -0.0f};
  for (int64_t half = -601; half <= 601; ++half) {
    const float middle = scale * (float(half) / 2);
    x.insert(x.end(), {middle, std::nextafter(middle, kInfinity), std::nextafter(middle, -kInfinity)});
  }
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += 40009) {
    const auto low = uint32_t(bits);
    std::memcpy(&x.emplace_back(), &low, sizeof low);
  }
  x.resize((x.size() + kLanes - 1) / kLanes * kLanes);
  return x;
}

void check(float scale, bool isConstant, const std::string &name, CodeType type, int32_t zero) {
  SCOPED_TRACE(testing::Message() << "scale " << scale << (isConstant ? ", a constant, " : ", ") << name << ", zero "
                                  << zero);
  const Compiled compiled(scale, isConstant, name);
  ASSERT_TRUE(compiled.function);
  const std::vector<float> x = floatsFor(scale);
  std::vector<uint8_t> codes(x.size());
  std::vector<float> floats(x.size());
  const auto byte = uint8_t(zero);
  compiled.function(x.data(), &scale, &byte, codes.data(), floats.data(), int64_t(x.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    const int32_t expected = quantize(x[i], scale, zero, type);
    const int32_t got = type.isSigned ? int8_t(codes[i]) : codes[i];
    ASSERT_EQ(got, expected) << "of " << x[i];
    const float value = scale * float(expected - zero);
    ASSERT_TRUE(floats[i] == value || (std::isnan(value) && std::isnan(floats[i]))) << floats[i] << " of " << x[i];
  }
}

TEST(QuantizeCode, OfAnyScale) {
  for (float scale : {0.1f, 1.0f, 0.00392156886f, 3e-3f, 1234.5f, 0x1p-95f, 0x1.23p-140f, 0x1p-149f, 0x1.8p100f,
                      0x1.fp127f, 0.0f, -0.5f, kInfinity, float(NAN)}) {
    check(scale, false, "ui8", {8, false}, 131);
    check(scale, false, "i8", {8, true}, -7);
  }
}

TEST(QuantizeCode, OfAConstantScale) {
  for (float scale : {1.0f, 0.1f, 0.0264622252f, 7e-5f, 0x1p-89f, 0x1p-91f, 0x1.3p89f, 0x1p92f})
    check(scale, true, "ui8", {8, false}, 3);
  check(0.3f, true, "i8", {8, true}, 127);
}

} // namespace
