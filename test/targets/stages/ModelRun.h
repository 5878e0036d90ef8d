//===- ModelRun.h - Runs a whole model's kernels in a test -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A one-layer decoder with random weights goes through the pipeline from
// `canonicalize` to `kernels` and runs here, in a frame made as the runtime makes it, on
// a machine of the family that is tested (ModelCode).
// After each stage the interpreter is given that stage's own inputs, and what the
// kernel stored must lie within the bound of the stage (ErrorBounds.h).
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_STAGES_MODELRUN_H
#define PHIC_TEST_TARGETS_STAGES_MODELRUN_H

#include "compiler/Options.h"
#include "compiler/verify/Weights.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/BuiltinOps.h"
#include "phi/format.h"
#include <random>

namespace phic {

/// What the test varies.
struct ModelShape {
  std::string weights = "u4, 32, scale = f16, zero = 8"; ///< a block format, or f32 or f16
  Activations activations = Activations::Auto; ///< --act
  CacheFlag kvCache = CacheFlag::F16; ///< --kv
  int64_t vocab = 104, hidden = 96, headDim = 16, heads = 6, kvHeads = 2, ffn = 160;
  int64_t rotary = 16;            ///< columns of a head that rope turns
  bool interleaved = false, bias = false, layerNorm = false,
       packed = true; ///< packed: q, k, v are columns of one matmul
  bool snap =
      false; ///< rows are rounded to the steps of stated scales, as a QDQ graph does, wherever stages can hold that
  int64_t ropeSwitch = 0;         ///< LongRoPE threshold, 0: none
  std::string attend = {};           ///< further attributes of phiq.attend: ", window = 16 : i64"
};

/// What a frame points to, on the host.
struct ModelMemory {
  std::vector<uint8_t> segment, arena, cache, scratch, logits;
  std::vector<int32_t> tokens;
};

/// A model's kernels on a machine of the family that is tested.
class ModelCode {
public:
  virtual ~ModelCode() = default;
  /// Runs a step as the entry of an M class does; `after` each stage its results are in `memory`, whose addresses the frame has.
  virtual void run(MClass mClass, phi_frame &frame, ModelMemory &memory,
                   llvm::function_ref<void(int32_t stage)> after) = 0;
};

// Of the family that a test is linked with.

/// The level that this machine tests; null: none.
const Target *testedLevel();
/// Whether rows have the same bits in a prefill step as decoded one by one.
bool prefillIsSame();
/// Takes a module that has been through `kernels` further, in place. Null after a message.
std::unique_ptr<ModelCode> makeModelCode(mlir::ModuleOp module);

/// The model before `canonicalize`.
std::string modelText(const ModelShape &shape);

/// The worst element of all stages so far, in units of its bound, and where it was.
struct Worst {
  double ratio = 0;
  std::string where;
};

class ModelRun {
public:
  explicit ModelRun(const ModelShape &shape);
  bool ok() const { return code != nullptr; }

  /// Runs one step through the entry point of an M class on a session whose cache holds `past` tokens, and
  /// returns the logits of rows [logitRow0, tokens.size()).
  std::vector<float> step(MClass mClass, llvm::ArrayRef<int32_t> tokens, int64_t past, int64_t total,
                          int64_t logitRow0);
  /// Whether stages are compared with the interpreter (slow).
  bool checks = true;
  const Worst &worst() const { return worstElement; }
  /// True when nothing was written outside of arena, scratch, cache and logits.
  bool guardsAreWhole() const;

  static constexpr int64_t kContext = 128;
  static constexpr int64_t kChunkRows = 80;

private:
  void makeWeights();
  void checkStage(plan::StageOp stage);
  void judge(plan::StageOp stage, const std::string &what, double ratio);

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<ModelCode> code;
  ModelMemory memory;
  std::unique_ptr<PackedWeights> weights;
  std::vector<plan::StageOp> stages;
  llvm::DenseMap<mlir::Value, Rows> values;
  SessionState session;
  std::vector<uint8_t *> slots; ///< ids, logits, KV caches
  phi_frame frame = {};
  Worst worstElement;
};

} // namespace phic

#endif // PHIC_TEST_TARGETS_STAGES_MODELRUN_H
