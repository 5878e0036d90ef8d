//===- RegionBench.cpp - Regions against row kernels by hand -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each region goes the way of a program: declared in a module, inlined into a
// kernel, optimized by the target phase. A call works on one row in the L1 cache.
//
//     RegionBench --benchmark_repetitions=9 --benchmark_report_aggregates_only
//===----------------------------------------------------------------------===//
#include "RowBaselines.h"
#include "mlir/Parser/Parser.h"
#include "targets/cpu/regions/Region.h"
#include "test/targets/cpu/kernels/KernelJit.h"
#include <benchmark/benchmark.h>

using namespace phic;

namespace {

/// Rows and vectors that every region finds enough of.
struct Rows {
  alignas(64) float in[4][4096];
  alignas(64) float out[4][4096];
  alignas(64) int8_t codes[4096];
  Rows() {
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4096; ++j)
        in[i][j] = float((j * 37 + i * 11) % 101 - 50) / 25;
  }
  baseline::QuantizedOutput quantized() { return {codes, out[1], out[2]}; }
};

Rows &rows() {
  static Rows rows;
  return rows;
}

/// A kernel that calls the region with a frame of pointers.
std::string kernelText(const RegionSpec &region) {
  std::string pointers, values, loads;
  for (unsigned i = 0; i < region.argumentCount(); ++i) {
    std::string n = std::to_string(i), comma = i ? ", " : "";
    pointers += comma + "!llvm.ptr";
    values += comma + "%p" + n;
    loads += "%a" + n + " = llvm.getelementptr %frame[" + n + "] : (!llvm.ptr) -> !llvm.ptr, !llvm.ptr\n%p" + n +
             " = llvm.load %a" + n + " : !llvm.ptr -> !llvm.ptr\n";
  }
  return "llvm.func @" + region.name() + "(" + pointers + ") attributes {phic.region = \"" + region.str() + "\"}\n" +
         "llvm.func @kernel(%frame: !llvm.ptr) {\n" + loads + "llvm.call @" + region.name() + "(" + values + ") : (" +
         pointers + ") -> ()\nllvm.return\n}\n";
}

void runRegion(benchmark::State &state, const char *text) {
  std::optional<RegionSpec> region = RegionSpec::parse(text, nullptr);
  auto context = makeKernelContext();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kernelText(*region), context.get());
  KernelJit jit(*module, defaultTarget());
  if (!jit.ok())
    return state.SkipWithError("does not compile");
  auto *kernel = jit.get<void(void **)>("kernel");
  std::vector<void *> frame;
  for (unsigned i = 0; i < region->inputCount(); ++i)
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

#define PAIR(NAME, TEXT, CALL)                                                                                         \
  BENCHMARK_CAPTURE(runRegion, NAME, TEXT);                                                                            \
  BENCHMARK_CAPTURE(runBaseline, NAME, [](Rows &r) { baseline::CALL; })

PAIR(add64, "64: %0 = in f32; %1 = in f32; %2 = add %0 %1; out f32 %2", add64(r.in[0], r.in[1], r.out[0]));
PAIR(norm576, "576: %0 = in f32; %1 = in f32; %2 = rms_norm %0 %1 1e-05; out f32 %2",
     rmsNorm576(r.in[0], r.in[1], 1e-5f, r.out[0]));
PAIR(normQuantize576, "576: %0 = in f32; %1 = in f32; %2 = rms_norm %0 %1 1e-05; out q32 %2",
     rmsNormQuantize576(r.in[0], r.in[1], 1e-5f, r.quantized()));
PAIR(normQuantize3072, "3072: %0 = in f32; %1 = in f32; %2 = rms_norm %0 %1 1e-05; out q32 %2",
     rmsNormQuantize3072(r.in[0], r.in[1], 1e-5f, r.quantized()));
PAIR(quantize64, "64: %0 = in f32; out q32 %0", quantize64(r.in[0], r.quantized()));
PAIR(swiglu64, "64: %0 = in f32; %1 = silu %0; %2 = in f32; %3 = mul %1 %2; out f32 %3",
     swiglu64(r.in[0], r.in[1], r.out[0]));
PAIR(swigluQuantize64, "64: %0 = in f32; %1 = silu %0; %2 = in f32; %3 = mul %1 %2; out q32 %3",
     swigluQuantize64(r.in[0], r.in[1], r.quantized()));
PAIR(rope64, "64: %0 = in f32; %1 = in f32 x 32; %2 = in f32 x 32; %3 = rope %0 %1 %2; out f32 %3",
     rope64(r.in[0], r.in[1], r.in[2], r.out[0]));
PAIR(ropeAppend64, "64: %0 = in f32; %1 = in f32 x 32; %2 = in f32 x 32; %3 = rope %0 %1 %2; out f16 %3 step 8",
     ropeAppend64(r.in[0], r.in[1], r.in[2], reinterpret_cast<uint16_t *>(r.out[0])));
PAIR(ropeInterleaved64,
     "64: %0 = in f32; %1 = in f32 x 32; %2 = in f32 x 32; %3 = rope_interleaved %0 %1 %2; out f32 %3",
     ropeInterleaved64(r.in[0], r.in[1], r.in[2], r.out[0]));

} // namespace
