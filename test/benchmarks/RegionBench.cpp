//===- RegionBench.cpp - Regions against row kernels by hand -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each region goes the way of a program: declared in a module, inlined into a
// kernel, optimized by the target phase. A call works on one row in the L1 cache.
//
//     RegionBench --benchmark_repetitions=9 --benchmark_report_aggregates_only
//===----------------------------------------------------------------------===//
#include "RowBaselines.h"
#include "test/targets/cpu/kernels/KernelJit.h"
#include "test/targets/cpu/regions/RegionText.h"
#include <benchmark/benchmark.h>

using namespace phic;

namespace {

/// Rows and vectors that every region finds enough of.
struct BenchRows {
  alignas(64) float in[4][4096];
  alignas(64) float out[4][4096];
  alignas(64) int8_t codes[4096];
  BenchRows() {
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4096; ++j)
        in[i][j] = float((j * 37 + i * 11) % 101 - 50) / 25;
  }
  baseline::QuantizedOutput quantized() { return {codes, out[1], out[2]}; }
};

BenchRows &rows() {
  static BenchRows rows;
  return rows;
}

/// A kernel that calls the region with a frame of pointers.
std::string kernelText(unsigned argumentCount) {
  std::string pointers, values, loads;
  for (unsigned i = 0; i < argumentCount; ++i) {
    std::string n = std::to_string(i), comma = i ? ", " : "";
    pointers += comma + "!llvm.ptr";
    values += comma + "%p" + n;
    loads += "%a" + n + " = llvm.getelementptr %frame[" + n + "] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr\n%p" + n +
             " = llvm.load %a" + n + " : !llvm.ptr -> !llvm.ptr\n";
  }
  return "llvm.func @region(" + pointers +
         ") attributes {phic.region = @rows}\nllvm.func @kernel(%frame: !llvm.ptr) {\n" + loads + "llvm.call @region(" +
         values + ") : (" + pointers + ") -> ()\nllvm.return\n}\n";
}

void runRegion(benchmark::State &state, int64_t columns, const char *text) {
  ParsedRegion region(text, columns);
  auto context = makeKernelContext();
  std::string function;
  llvm::raw_string_ostream stream(function);
  mlir::func::FuncOp(region->function).print(stream);
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(function + "\n" + kernelText(region->argumentCount()), context.get());
  KernelJit jit(*module, defaultCpuLevel());
  if (!jit.ok())
    return state.SkipWithError("does not compile");
  auto *kernel = jit.get<void(void **)>("kernel");
  std::vector<void *> frame;
  for (unsigned i = 0; i < region->inputs.size(); ++i)
    frame.push_back(rows().in[i]);
  bool quantized = region->outputs[0].element == Scalar::None;
  for (void *pointer : {quantized ? static_cast<void *>(rows().codes) : rows().out[0],
                        static_cast<void *>(rows().out[1]), static_cast<void *>(rows().out[2])})
    frame.push_back(pointer);
  for (auto _ : state) {
    kernel(frame.data());
    benchmark::ClobberMemory();
  }
}

template <typename Function> void runBaseline(benchmark::State &state, Function function) {
  for (auto _ : state) {
    function(rows());
    benchmark::ClobberMemory();
  }
}

#define PAIR(NAME, LENGTH, TEXT, CALL)                                                                                 \
  BENCHMARK_CAPTURE(runRegion, NAME, LENGTH, TEXT);                                                                    \
  BENCHMARK_CAPTURE(runBaseline, NAME, [](BenchRows &r) { baseline::CALL; })

constexpr const char *kAdd = "(%x: ROW, %y: ROW) -> ROW { %0 = arith.addf %x, %y : ROW  return %0 : ROW }";
constexpr const char *kNorm =
    "(%x: ROW, %g: VECTOR) -> ROW { %0 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : ROW, "
    "VECTOR  return %0 : ROW }";
constexpr const char *kNormQuantize =
    "(%x: ROW, %g: VECTOR) -> Q32 { %0 = phiq.rms_norm %x, %g {epsilon = 1.0e-5 : f32} : ROW, VECTOR\n"
    "%1 = phiq.quantize %0 : ROW -> Q32  return %1 : Q32 }";
constexpr const char *kQuantize = "(%x: ROW) -> Q32 { %0 = phiq.quantize %x : ROW -> Q32  return %0 : Q32 }";
constexpr const char *kSwiglu =
    "(%x: ROW, %y: ROW) -> ROW { %0 = phiq.silu %x : ROW\n%1 = arith.mulf %0, %y : ROW  return %1 : ROW }";
constexpr const char *kSwigluQuantize = "(%x: ROW, %y: ROW) -> Q32 { %0 = phiq.silu %x : ROW\n%1 = arith.mulf %0, %y : "
                                        "ROW\n%2 = phiq.quantize %1 : ROW -> Q32  return %2 : Q32 }";
constexpr const char *kRope =
    "(%x: ROW, %c: tensor<1x32xf32>, %s: tensor<1x32xf32>) -> ROW { %0 = phiq.rope %x, %c, %s {head_dim = 64 : i64} : "
    "ROW, tensor<1x32xf32>, tensor<1x32xf32>  return %0 : ROW }";
constexpr const char *kRopeAppend =
    "(%x: ROW, %c: tensor<1x32xf32>, %s: tensor<1x32xf32>) -> (HALF {phic.step = 8 : i64}) { %0 = phiq.rope %x, %c, %s "
    "{head_dim = 64 : i64} : ROW, tensor<1x32xf32>, tensor<1x32xf32>\n%1 = arith.truncf %0 : ROW to HALF  return %1 : "
    "HALF }";
constexpr const char *kRopeInterleaved =
    "(%x: ROW, %c: tensor<1x32xf32>, %s: tensor<1x32xf32>) -> ROW { %0 = phiq.rope %x, %c, %s {head_dim = 64 : i64, "
    "interleaved} : ROW, tensor<1x32xf32>, tensor<1x32xf32>  return %0 : ROW }";

PAIR(add64, 64, kAdd, add64(r.in[0], r.in[1], r.out[0]));
PAIR(norm576, 576, kNorm, rmsNorm576(r.in[0], r.in[1], 1e-5f, r.out[0]));
PAIR(normQuantize576, 576, kNormQuantize, rmsNormQuantize576(r.in[0], r.in[1], 1e-5f, r.quantized()));
PAIR(normQuantize3072, 3072, kNormQuantize, rmsNormQuantize3072(r.in[0], r.in[1], 1e-5f, r.quantized()));
PAIR(quantize64, 64, kQuantize, quantize64(r.in[0], r.quantized()));
PAIR(swiglu64, 64, kSwiglu, swiglu64(r.in[0], r.in[1], r.out[0]));
PAIR(swigluQuantize64, 64, kSwigluQuantize, swigluQuantize64(r.in[0], r.in[1], r.quantized()));
PAIR(rope64, 64, kRope, rope64(r.in[0], r.in[1], r.in[2], r.out[0]));
PAIR(ropeAppend64, 64, kRopeAppend, ropeAppend64(r.in[0], r.in[1], r.in[2], reinterpret_cast<uint16_t *>(r.out[0])));
PAIR(ropeInterleaved64, 64, kRopeInterleaved, ropeInterleaved64(r.in[0], r.in[1], r.in[2], r.out[0]));

} // namespace
