//===- KernelBench.cpp - Microkernels against the machine ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One thread, every CPU level that this machine runs. Decode (one row) streams 64 MB of
// packed weights and is compared with a loop that only reads them; prefill multiplies 64
// rows with weights that stay in the cache.
//===----------------------------------------------------------------------===//
#include "benchmark/benchmark.h"
#include "mlir/IR/OwningOpRef.h"
#include "targets/cpu/machines/Roofline.h"
#include "test/targets/cpu/kernels/AttendFunction.h"
#include "test/targets/cpu/kernels/ContractionProblem.h"
#include "test/targets/cpu/kernels/KernelJit.h"
#include "test/targets/cpu/kernels/MatmulProblem.h"
#include <iterator>

using namespace phic;

namespace {

struct Case {
  const char *name;
  BlockFormat format;
  Scalar element;      ///< of float weights; None: `format`
  int64_t lhsBlock;
};

const Case kCases[] = {
    {"s8b32 x u4b32f16z8",
     {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .zeroConstant = 8},
     Scalar::None,
     32},
    {"s8b32 x u4b32f16m",
     {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .min = Scalar::F16},
     Scalar::None,
     32},
    {"s8b32 x u4b128f32z",
     {.codes = {4, false}, .block = 128, .scale = Scalar::F32, .zero = Scalar::U4},
     Scalar::None,
     32},
    {"s8b32 x u4b32f16u6m (Q4_K)",
     {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16},
     Scalar::None,
     32},
    {"s8b16 x u4b32f16u6m (Q4_K beside Q6_K)",
     {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .subScaleBits = 6, .min = Scalar::F16},
     Scalar::None,
     16},
    {"s8b16 x u6b16f16s8z32 (Q6_K)",
     {.codes = {6, false},
      .block = 16,
      .scale = Scalar::F16,
      .subScaleBits = 8,
      .subScaleSigned = true,
      .zeroConstant = 32},
     Scalar::None,
     16},
    {"s8b32 x u5b32f16z16 (Q5_0)",
     {.codes = {5, false}, .block = 32, .scale = Scalar::F16, .zeroConstant = 16},
     Scalar::None,
     32},
    {"s8b32 x s8b32f16", {.codes = {8, true}, .block = 32, .scale = Scalar::F16}, Scalar::None, 32},
    {"f32 x u4b32f16z8", {.codes = {4, false}, .block = 32, .scale = Scalar::F16, .zeroConstant = 8}, Scalar::None, 0},
    {"f32 x f16", {}, Scalar::F16, 0},
    {"f32 x f32", {}, Scalar::F32, 0},
};

/// Weights of 8 * panels columns, and the compiled register tiles for them.
struct Bench {
  Bench(const CpuTarget &level, const Case &row, int64_t M, int64_t N, int64_t K)
      : problem(row.element == Scalar::None ? &row.format : nullptr, row.element, row.lhsBlock, M, N, K),
        context(makeKernelContext()), module(emitCores(*context, level, problem.operands)), jit(*module, level) {}
  MatmulProblem problem;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  KernelJit jit;
};

/// Memory that begins with a cache line, as in a program.
template <typename T> class Lines {
public:
  explicit Lines(int64_t count) : memory(count + kLine / sizeof(T)) {}
  T *data() { return reinterpret_cast<T *>((reinterpret_cast<uintptr_t>(memory.data()) + kLine - 1) / kLine * kLine); }

private:
  static constexpr uintptr_t kLine = 64;
  std::vector<T> memory;
};

/// What the machine allows: the same loops as phic bench's.
const RooflineLoops &limits(const CpuTarget &level) { return *rooflineLoops(level.features); }

void decode(benchmark::State &state, const CpuTarget *level) {
  const Case &row = kCases[state.range(0)];
  Bench bench(*level, row, /*M=*/1, /*N=*/64, /*K=*/2048);
  // The same 64 columns again and again, at different addresses.
  const std::vector<uint8_t> &few = bench.problem.rhs;
  const int64_t copies = 64 * 1024 * 1024 / few.size(), panels = copies * 8;
  std::vector<uint8_t> weights;
  for (int64_t i = 0; i < copies; ++i)
    weights.insert(weights.end(), few.begin(), few.end());
  std::vector<float> out(panels * 8);
  MatmulCore *core = bench.jit.get<MatmulCore>(coreName(1));
  for (auto _ : state) {
    core(bench.problem.lhs.data(), weights.data(), out.data(), 0, panels);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(row.name);
  state.SetBytesProcessed(int64_t(state.iterations() * weights.size()));
}

void read(benchmark::State &state, const CpuTarget *level) {
  std::vector<uint8_t> bytes(64 * 1024 * 1024, 1);
  for (auto _ : state)
    benchmark::DoNotOptimize(limits(*level).read(bytes));
  state.SetBytesProcessed(int64_t(state.iterations() * bytes.size()));
}

void multiply(benchmark::State &state, uint64_t (*loop)(int64_t), double perRound) {
  constexpr int64_t kRounds = 100000;
  for (auto _ : state)
    benchmark::DoNotOptimize(loop(kRounds));
  state.counters["MAC/s"] = benchmark::Counter(perRound * kRounds, benchmark::Counter::kIsIterationInvariantRate);
}

void prefill(benchmark::State &state, const CpuTarget *level) {
  const Case &row = kCases[state.range(0)];
  const int64_t M = 64, N = 64, K = state.range(1);
  Bench bench(*level, row, M, N, K);
  Lines<float> out(M * N);
  const int64_t MR = microkernelsOf(*level).matmulTiles(bench.problem.operands).front().MR;
  MatmulCore *core = bench.jit.get<MatmulCore>(coreName(MR));
  for (auto _ : state) {
    for (int64_t m = 0; m + MR <= M; m += MR)
      core(&bench.problem.lhs[m * bench.problem.operands.lhsRowBytes], bench.problem.rhs.data(), out.data() + m * N,
           N * 4, N / 8);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(row.name);
  state.counters["MAC/s"] =
      benchmark::Counter(double(M / MR * MR * N * K), benchmark::Counter::kIsIterationInvariantRate);
}

void prefillTall(benchmark::State &state, const CpuTarget *level) {
  const Case &row = kCases[state.range(0)];
  const int64_t N = 64, K = state.range(1);
  Bench bench(*level, row, state.range(2), N, K);
  const int64_t MR = microkernelsOf(*level).tallTile(bench.problem.operands)->MR, M = bench.problem.M / MR * MR;
  Lines<float> out(M * N);
  Lines<uint8_t> scratch(microkernelsOf(*level).tallScratchBytes(bench.problem.operands));
  TallMatmulCore *core = bench.jit.get<TallMatmulCore>("tall");
  for (auto _ : state) {
    core(bench.problem.lhs.data(), bench.problem.rhs.data(), out.data(), N * 4, N / 8, M, scratch.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(row.name);
  state.counters["MAC/s"] = benchmark::Counter(double(M * N * K), benchmark::Counter::kIsIterationInvariantRate);
}

/// Kinds of convolutions of ResNet-50, which are done in tiles of at most 96 rows.
struct Convolution {
  int64_t size, channels, kernel, stride, columns;
};
const Convolution kConvolutions[] = {{224, 3, 7, 2, 64},  {56, 64, 1, 1, 64},    {56, 64, 1, 1, 256},
                                     {56, 64, 3, 1, 64},  {28, 128, 3, 1, 128},  {14, 256, 3, 1, 256},
                                     {7, 512, 3, 1, 256}, {14, 1024, 1, 1, 256}, {7, 512, 1, 1, 256}};

void contract(benchmark::State &state, const CpuTarget *level) {
  const Convolution &row = kConvolutions[state.range(0)];
  const bool isFloat = state.range(1) == 0;
  const int64_t result = row.size / row.stride, K = row.kernel * row.kernel * row.channels, pad = row.kernel / 2;
  const WindowShape window{.height = row.size,
                           .width = row.size,
                           .channels = row.channels,
                           .result = {result, result},
                           .kernel = {row.kernel, row.kernel},
                           .strides = {row.stride, row.stride},
                           .pads = {pad, pad}};
  ContractionProblem problem(isFloat ? RowSource::Element::F32 : RowSource::Element::U8,
                             isFloat ? Scalar::F32 : Scalar::I8, result * result, row.columns, K, window);
  if (!isFloat)
    problem.drawUsualCodes();
  const Contraction contraction = *Contraction::of(*level, problem.shape);
  std::unique_ptr<mlir::MLIRContext> context = makeKernelContext();
  mlir::OwningOpRef<mlir::ModuleOp> module = problem.emit(*context, contraction);
  KernelJit jit(*module, *level);
  ContractionCore *core = jit.get<ContractionCore>("core");
  const int64_t rows = std::min<int64_t>(96, problem.M / contraction.MR() * contraction.MR());
  Lines<uint8_t> sums(rows * contraction.paddedColumns(row.columns) * 4),
      scratch(contraction.scratchBytes(rows, row.columns));
  int64_t first = 0;
  for (auto _ : state) {
    core(problem.lhs.data(), problem.rhs.data(), nullptr, sums.data(), scratch.data(), first, rows);
    first = first + 2 * rows <= problem.M ? first + rows : 0;
    benchmark::DoNotOptimize(sums.data());
  }
  state.SetLabel((isFloat ? "f32 " : "u8 ") + std::to_string(row.kernel) + "x" + std::to_string(row.kernel) + " " +
                 std::to_string(row.channels) + " to " + std::to_string(row.columns) + ", " + std::to_string(row.size));
  state.counters["MAC/s"] =
      benchmark::Counter(double(rows * row.columns * K), benchmark::Counter::kIsIterationInvariantRate);
}

/// One head of 64 columns, `rows` queries, 512 keys before them.
void attend(benchmark::State &state, const CpuTarget *level) {
  AttendShape shape{.headDim = 64, .scale = 0.125f, .queryRowBytes = 256, .outRowBytes = 256, .rows = state.range(0)};
  const int64_t position = 512, context = 1024;
  std::unique_ptr<mlir::MLIRContext> mlirContext = makeKernelContext();
  mlir::OwningOpRef<mlir::ModuleOp> module = emitAttendFunction(*mlirContext, shape);
  KernelJit jit(*module, *level);
  AttendFunction *core = jit.get<AttendFunction>("attend");
  std::vector<float> queries(shape.rows * shape.headDim, 0.1f), out(queries.size());
  std::vector<uint16_t> keys(context * shape.headDim, 0x2e66), values(keys);
  std::vector<uint8_t> scratch(shape.scratchBytes());
  for (auto _ : state) {
    core(queries.data(), keys.data(), values.data(), out.data(), shape.rows, position, scratch.data());
    benchmark::DoNotOptimize(out.data());
  }
  double keysSeen = double(shape.rows) * position + double(shape.rows * (shape.rows + 1)) / 2;
  state.counters["MAC/s"] =
      benchmark::Counter(2 * keysSeen * double(shape.headDim), benchmark::Counter::kIsIterationInvariantRate);
}

/// "decode/x86-64-v3", of a level's kernels or limits.
template <typename... Arguments>
benchmark::internal::Benchmark *add(const char *what, const CpuTarget &level, Arguments... arguments) {
  return benchmark::RegisterBenchmark((std::string(what) + "/" + std::string(level.name)).c_str(), arguments...)
      ->Unit(benchmark::kMicrosecond);
}

bool hasTallTile(const CpuTarget &level, const Case &row) {
  return row.element == Scalar::None &&
         microkernelsOf(level)
             .tallTile(MatmulProblem(&row.format, row.element, row.lhsBlock, /*M=*/1, /*N=*/8, /*K=*/256).operands)
             .has_value();
}

void addLevel(const CpuTarget &level) {
  const RooflineLoops &loops = limits(level);
  add("read", level, read, &level);
  add("multiply integers", level, multiply, loops.multiplyIntegers, loops.integersPerRound);
  add("multiply reals", level, multiply, loops.multiplyReals, loops.realsPerRound);
  for (int64_t i = 0; i < int64_t(std::size(kCases)); ++i) {
    add("decode", level, decode, &level)->Arg(i);
    for (int64_t K : {576, 1536, 8192})
      add("prefill", level, prefill, &level)->Args({i, K});
    if (hasTallTile(level, kCases[i]))
      for (int64_t K : {576, 1536, 8192})
        for (int64_t M : {16, 96})
          add("prefill tall", level, prefillTall, &level)->Args({i, K, M});
  }
  for (int64_t i = 0; i < int64_t(std::size(kConvolutions)); ++i)
    for (int64_t isInteger : {0, 1})
      add("contract", level, contract, &level)->Args({i, isInteger});
  for (int64_t rows : {1, 8, 16})
    add("attend", level, attend, &level)->Arg(rows);
}

} // namespace

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  for (const CpuTarget &level : cpuLevels())
    if (canRunHere(level))
      addLevel(level);
  benchmark::RunSpecifiedBenchmarks();
}
