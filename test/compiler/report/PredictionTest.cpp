//===- PredictionTest.cpp - Memory and speed, counted by hand ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model of two layers whose numbers are known: test/models/tiny-llama (96 hidden, 6 heads of 16, 2 KV heads,
// MLP of 256, vocabulary of 640).
//===----------------------------------------------------------------------===//
#include "../import/ImportModel.h"
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "compiler/report/MemoryLimit.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "targets/cpu/CpuTarget.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

struct Planned {
  explicit Planned(CompileSettings options, Phase last = Phase::Kernels)
      : options(std::move(options)), context(registry()) {
    context.loadAllAvailableDialects();
    module =
        importModel(context, PHIC_TEST_DIR "/models/tiny-llama/ort-genai-int4/model.onnx", {this->options.maxContext});
    mlir::PassManager passes(&context);
    for (int phase = int(Phase::Canonicalize); phase <= int(last); ++phase)
      addPhase(passes, Phase(phase), this->options, &defaultCpuLevel());
    EXPECT_TRUE(mlir::succeeded(passes.run(*module)));
  }
  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }
  CompileSettings options;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TargetChoice oneLevel() { return {&allSystems().front(), {&defaultCpuLevel()}}; }

const StageCost &stage(const std::vector<StageCost> &costs, llvm::StringRef name) {
  for (const StageCost &cost : costs)
    if (cost.name == name)
      return cost;
  ADD_FAILURE() << "no stage " << name.str();
  return costs.front();
}

/// A graph with windows, by channel and turned around, and the steps of an LSTM.
constexpr const char *kGraph = R"(
func.func @model(%x: tensor<1x6x5x2xf32>, %w: tensor<3x2x2xf32>, %v: tensor<3x2x2x4xf32>, %g: tensor<7x1x8xf32>,
    %r: tensor<8x2xf32>, %h: tensor<1x2xf32>) -> (tensor<1x8x6x4xf32>, tensor<7x2x1x2xf32>) {
  %0 = plan.stage "depthwise" (%x, %w) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 240>]}
      : (tensor<1x6x5x2xf32>, tensor<3x2x2xf32>) -> tensor<1x6x5x2xf32> {
  ^bb0(%a: tensor<1x6x5x2xf32>, %b: tensor<3x2x2xf32>):
    %d = phiq.depthwise %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 1, 0, 1, 1>, dilations = array<i64: 1, 1>} : tensor<1x6x5x2xf32>, tensor<3x2x2xf32> -> tensor<1x6x5x2xf32>
    plan.yield %d : tensor<1x6x5x2xf32>
  }
  %1 = plan.stage "transposed" (%0, %v) {buffers = [#plan.buffer<binding, offset = 3, row_bytes = 768>]}
      : (tensor<1x6x5x2xf32>, tensor<3x2x2x4xf32>) -> tensor<1x8x6x4xf32> {
  ^bb0(%a: tensor<1x6x5x2xf32>, %b: tensor<3x2x2x4xf32>):
    %t = phiq.conv_transpose %a, %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1, 1>, groups = 1 : i64} : tensor<1x6x5x2xf32>, tensor<3x2x2x4xf32> -> tensor<1x8x6x4xf32>
    plan.yield %t : tensor<1x8x6x4xf32>
  }
  %2 = plan.stage "lstm" (%g, %r, %h) {buffers = [#plan.buffer<binding, offset = 6, row_bytes = 16>]}
      : (tensor<7x1x8xf32>, tensor<8x2xf32>, tensor<1x2xf32>) -> tensor<7x2x1x2xf32> {
  ^bb0(%a: tensor<7x1x8xf32>, %b: tensor<8x2xf32>, %c: tensor<1x2xf32>):
    %s = phiq.lstm %a, %b, %c, %c : (tensor<7x1x8xf32>, tensor<8x2xf32>, tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<7x2x1x2xf32>
    plan.yield %s : tensor<7x2x1x2xf32>
  }
  return %1, %2 : tensor<1x8x6x4xf32>, tensor<7x2x1x2xf32>
})";

TEST(StageCosts, CountsWindowsAndSteps) {
  mlir::DialectRegistry registry = Planned::registry();
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kGraph, &context);
  ASSERT_TRUE(module);
  std::vector<StageCost> costs = stageCosts(*module);
  // 60 elements, each of 3 * 2 places; 60 elements of x, each to 3 * 2 places of 4 channels.
  EXPECT_EQ(stage(costs, "depthwise").mulAdds({1, 0, 1}).real, 60 * 6);
  EXPECT_EQ(stage(costs, "transposed").mulAdds({1, 0, 1}).real, 60 * 24);
  // Seven steps of a state [1, 2] times [8, 2].
  EXPECT_EQ(stage(costs, "lstm").mulAdds({1, 0, 1}).real, 7 * 16);
  // x, the weight and the result; the arena's buffer is read again.
  EXPECT_EQ(stage(costs, "depthwise").bytes({1, 0, 1}), 240 + 48 + 240);
  EXPECT_EQ(stage(costs, "transposed").bytes({1, 0, 1}), 240 + 192 + 768);
}

TEST(StageCosts, CountsMultiplyAddsByShape) {
  Planned planned({});
  std::vector<StageCost> costs = stageCosts(*planned.module);
  // Q, K and V are 6 + 2 + 2 heads of 16.
  EXPECT_EQ(stage(costs, "layers.0.attn.qkv").mulAdds({1, 0, 1}).integer, 96 * 160);
  EXPECT_EQ(stage(costs, "layers.1.mlp.up").mulAdds({3, 7, 1}).integer, 3 * 2 * 96 * 256);
  // Scores and weighted sum over positions 0..7, 0..8 and 0..9 of 96 columns.
  EXPECT_EQ(stage(costs, "layers.0.attn.attend").mulAdds({3, 7, 1}).real, 2 * 96 * (8 + 9 + 10));
  EXPECT_EQ(stage(costs, "layers.0.attn.attend").mulAdds({3, 7, 1}).integer, 0);
}

TEST(StageCosts, LogitsAreOfTheWantedRows) {
  Planned planned({});
  std::vector<StageCost> costs = stageCosts(*planned.module);
  EXPECT_EQ(costs.back().mulAdds({200, 0, 1}).total(), 96 * 640);
  EXPECT_EQ(costs.back().bytes({200, 0, 0}), 0);
}

TEST(StageCosts, CountsBytesOfWeightsAndCache) {
  Planned planned({});
  std::vector<StageCost> costs = stageCosts(*planned.module);
  const StageCost &attend = stage(costs, "layers.0.attn.attend");
  // A position: keys and values, 2 heads of 16, f16.
  EXPECT_EQ(attend.keyBytes, 2u * 2 * 16 * 2);
  EXPECT_EQ(attend.bytes({1, 100, 1}) - attend.bytes({1, 50, 1}), 50 * 128);
  // 96 x 256 codes of 4 bits and a scale for 32 of them; a second row moves activations only.
  const StageCost &down = stage(costs, "layers.0.mlp.down");
  EXPECT_GE(down.weightBytes, 96u * 256 / 2 + 96 * 8 * 2);
  EXPECT_LT(down.bytes({2, 0, 1}) - down.bytes({1, 0, 1}), 2048);
  // One row of the embedding, not the table.
  EXPECT_LT(costs.front().bytes({1, 0, 1}), 2048);
}

TEST(Prediction, MemoryAddsUp) {
  Planned planned({});
  PredictionOptions more;
  more.context = 100;
  more.threads = 3;
  more.tokenizerBytes = 1234;
  Prediction p = predict(*planned.module, oneLevel(), more);
  EXPECT_EQ(p.kvBytesPerToken, 2u * 128); // two layers
  EXPECT_EQ(p.kvBytes, 128u * 256);       // 100 tokens are kept as 128
  EXPECT_GT(p.scratchBytes, 0u);
  EXPECT_EQ(p.scratchBytes % 3, 0u);
  uint64_t sum = 0, last = UINT64_MAX;
  for (const MemoryBlock &block : p.blocks) {
    EXPECT_LE(block.bytes, last);
    last = block.bytes;
    sum += block.bytes;
  }
  EXPECT_EQ(sum, p.totalBytes());
}

TEST(Prediction, ModeOfTheCacheChangesItsBytes) {
  CompileSettings options;
  options.kvCache = CacheFlag::F32;
  Planned planned(options);
  EXPECT_EQ(predict(*planned.module, oneLevel()).kvBytesPerToken, 512u);
  EXPECT_THAT(memoryRemedies(predict(*planned.module, oneLevel()), options),
              testing::Contains(testing::HasSubstr("--kv=f16 saves")));
}

TEST(MemoryLimit, NamesTheLargestBlocksAndRemedies) {
  CompileSettings options;
  Planned planned(options);
  Prediction p = predict(*planned.module, oneLevel());
  options.maxMemory = p.totalBytes();
  EXPECT_FALSE(findMemoryExcess(p, options));
  options.maxMemory -= 1;
  std::optional<Finding> excess = findMemoryExcess(p, options);
  ASSERT_TRUE(excess);
  EXPECT_THAT(excess->message, testing::HasSubstr("by 1 bytes"));
  EXPECT_THAT(excess->notes.front(), testing::StartsWith(p.blocks.front().name));
  EXPECT_THAT(excess->notes, testing::Contains(testing::HasSubstr("--chunk=128, slower prompts, saves")));
}

TEST(Prediction, ScratchIsKnownFromTheKernelsOn) {
  Planned planned({}, Phase::Layout);
  EXPECT_EQ(predict(*planned.module, oneLevel()).scratchBytes, 0u);
}

TEST(Prediction, TimeIsTheLargerOfBothLimits) {
  Planned planned({});
  PredictionOptions slowMemory, slowArithmetic;
  slowMemory.machine = MachineRates{"slow memory", true, 1, 1e3, 1e15, 1e15};
  slowArithmetic.machine = MachineRates{"slow arithmetic", true, 1, 1e15, 1e3, 1e3};
  Prediction memory = predict(*planned.module, oneLevel(), slowMemory);
  Prediction arithmetic = predict(*planned.module, oneLevel(), slowArithmetic);
  EXPECT_NEAR(memory.decode.seconds, memory.decode.bytes / 1e3, 1e-6 * memory.decode.seconds);
  EXPECT_NEAR(arithmetic.decode.seconds, arithmetic.decode.mulAdds.total() / 1e3, 1e-6 * arithmetic.decode.seconds);
  EXPECT_GT(memory.decode.seconds, memory.firstDecode.seconds); // more keys to read
  EXPECT_EQ(memory.prefill.shape.rows, 256);
}

} // namespace
