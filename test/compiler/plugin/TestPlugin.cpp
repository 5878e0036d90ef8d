//===- TestPlugin.cpp - A plugin that adds one of everything ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Its options say which parts it registers, so that each test sees one alone.
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "dialects/phiq/Numerics.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "targets/cpu/kernels/AddedKernels.h"
#include "targets/cpu/regions/RegionBuilder.h"
#include "llvm/Support/Endian.h"

using namespace mlir;
using namespace phic;

namespace {

//===----------------------------------------------------------------------===//
// Passes and patterns
//===----------------------------------------------------------------------===//

/// Says how many ops of a name there are.
struct CountOps : PassWrapper<CountOps, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountOps)
  CountOps() = default;
  CountOps(const CountOps &other) : PassWrapper(other) {}
  explicit CountOps(std::string name) { op = std::move(name); }

  StringRef getArgument() const override { return "test-count-ops"; }
  StringRef getDescription() const override { return "count the ops of a name"; }
  void runOnOperation() override {
    unsigned count = 0;
    getOperation().walk([&](Operation *candidate) { count += candidate->getName().getStringRef() == op; });
    emitRemark(getOperation().getLoc()) << label << (label.empty() ? "" : " ") << op << ": " << count;
  }
  Option<std::string> op{*this, "op", llvm::cl::desc("name of the op"), llvm::cl::init("phiq.matmul")};
  Option<std::string> label{*this, "label", llvm::cl::desc("what to begin with"), llvm::cl::init("")};
};

/// Fails, or leaves a matmul that its verifier rejects.
struct Fail : PassWrapper<Fail, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Fail)
  StringRef getArgument() const override { return "test-fail"; }
  void runOnOperation() override {
    emitError(getOperation().getLoc()) << "this pass always fails";
    signalPassFailure();
  }
};
struct BreakIr : PassWrapper<BreakIr, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(BreakIr)
  StringRef getArgument() const override { return "test-break-ir"; }
  void runOnOperation() override {
    getOperation().walk([](phiq::WeightOp weight) { weight.setRangesAttr(Builder(weight).getArrayAttr({})); });
  }
};

/// gelu(x) -> gelu_tanh(x)
struct ApproximateGelu : OpRewritePattern<phiq::GeluOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::GeluOp op, PatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<phiq::GeluTanhOp>(op, op.getType(), op.getX());
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

/// ggml's Q5_1, which phic does not read: f16 d, f16 m, u32 fifth bits, nibbles[16].
void unpackQ5_1(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t b = 0; b < columns / 32; ++b, block += 24) {
    row.scale[b] = halfToFloat(llvm::support::endian::read16le(block));
    row.min[b] = halfToFloat(llvm::support::endian::read16le(block + 2));
    uint32_t high = llvm::support::endian::read32le(block + 4);
    for (int i = 0; i < 16; ++i) {
      row.codes[32 * b + i] = int16_t((block[8 + i] & 15) | (high >> i & 1) << 4);
      row.codes[32 * b + i + 16] = int16_t((block[8 + i] >> 4) | (high >> (i + 16) & 1) << 4);
    }
  }
}

/// Matmuls of one layer in tiles of half the rows.
FailureOr<StageKernel> emitSmallTiles(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target,
                                      MClass mClass) {
  TileShape shape = target.tile(mClass);
  shape.rows = std::max<int64_t>(1, shape.rows / 2);
  return emitMatmulStage(library, facts, target, shape, mClass);
}
bool isDownOfLayer0(const StageFacts &facts, const CpuTarget &, MClass) {
  plan::StageOp stage = facts.stage;
  return stage.getName() == "layers.0.mlp.down";
}

template <typename Op> bool has(const RowRegion &region) { return !region.getOps<Op>().empty(); }

/// SwiGLU, phic's algorithm in narrower vectors.
void scheduleNarrow(RegionBuilder &builder) {
  for (RegionBuilder::Part &part : builder.algorithm())
    if (llvm::StringRef(part.name).starts_with("x"))
      part.func.compute_root();
    else
      part.schedule();
}

/// Every result of floats as a Func of its own; `offset` is what a faulty generator adds.
template <int kOffset> void generateFloats(RegionBuilder &builder) {
  Halide::Var x("x");
  for (unsigned i = 0; i < builder.region.outputs.size(); ++i) {
    Halide::Func out = builder.func("mine" + std::to_string(i));
    Halide::Expr value = builder.value(builder.region.outputs[i].value, x) + float(kOffset);
    out(x) = builder.region.outputs[i].element == Scalar::F16 ? Halide::cast(Halide::Float(16), value) : value;
    builder.output(i, {out});
  }
}
bool hasFloatsOnly(const RowRegion &region) {
  return llvm::none_of(region.outputs, [](const RegionOutput &output) { return output.element == Scalar::None; });
}

/// A schedule that needs what programs do not have.
void scheduleParallel(RegionBuilder &builder) {
  for (RegionBuilder::Part &part : builder.algorithm()) {
    part.schedule();
    if (llvm::StringRef(part.name).starts_with("out"))
      part.func.parallel(part.func.args()[0]);
  }
}
void scheduleWrongly(RegionBuilder &builder) {
  for (RegionBuilder::Part &part : builder.algorithm())
    part.func.vectorize(Halide::Var("no_such_variable"), 8);
}

void addRegions(PluginRegistry &registry, StringRef kind) {
  auto isSwiglu = [](const RowRegion &region, const CpuTarget &) {
    return has<phiq::SiluOp>(region) && has<arith::MulFOp>(region);
  };
  auto isAddition = [](const RowRegion &region, const CpuTarget &) {
    return has<arith::AddFOp>(region) && hasFloatsOnly(region);
  };
  auto isRope = [](const RowRegion &region, const CpuTarget &) { return region.rope() && hasFloatsOnly(region); };
  if (kind == "schedule")
    registry.addRegion({"test-narrow", isSwiglu, scheduleNarrow});
  else if (kind == "generate")
    registry.addRegion({"test-rope", isRope, generateFloats<0>});
  else if (kind == "wrong")
    registry.addRegion({"test-wrong", isAddition, generateFloats<1>});
  else if (kind == "parallel")
    registry.addRegion({"test-parallel", isAddition, scheduleParallel});
  else if (kind == "refused")
    registry.addRegion({"test-refused", isAddition, scheduleWrongly});
}

void registerTest(PluginRegistry &registry) {
  registry.addPass<CountOps>();
  registry.addPass<Fail>();
  registry.addPass<BreakIr>();
  registry.addPatterns("test-approximate-gelu", "gelu is gelu_tanh",
                       [](RewritePatternSet &patterns) { patterns.add<ApproximateGelu>(patterns.getContext()); });
  for (const std::string &phase : registry.options("before"))
    registry.runBefore(*phaseByName(phase), "test-count-ops{label=\"before " + phase + ":\"}");
  if (std::string op = registry.option("count"); !op.empty())
    registry.runAfter(Phase::Fuse, [op] { return std::make_unique<CountOps>(op); });
  if (registry.option("q5_1") == "on")
    registry.addFormat({.name = "test_q5_1",
                        .blockElements = 32,
                        .blockBytes = 24,
                        .format = *BlockFormat::parse("u5, 32, scale = f16, min = f16", nullptr),
                        .unpack = unpackQ5_1,
                        .ggufType = 7});
  if (registry.option("tiles") == "small")
    registry.addKernel({"test-small-tiles", isDownOfLayer0, emitSmallTiles});
  addRegions(registry, registry.option("region"));
}

} // namespace

PHIC_PLUGIN("test", "1.0", registerTest)
