//===- EmitMatmulStage.cpp - Matmuls and what follows them -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The groups of a stage side by side: a block is one of one group's.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include "targets/gpu/GroupCode.h"
#include "targets/gpu/Kernels.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

/// Rows of a block that computes a few; of one that computes many, where its sums fit.
constexpr int64_t kFewRows = 8, kManyRows[] = {64, 32};

/// A group, and the blocks that compute it, along the grid.
struct GroupBlocks {
  const ColumnGroup *group;
  GroupShape shape;
  int64_t first, count;
};

std::string nameOf(const StageFacts &facts, int64_t rows, std::string_view isa) {
  auto matmul = facts.first<phiq::MatmulOp>();
  const StageBuffer &weight = facts.inputs[cast<BlockArgument>(matmul.getRhs()).getArgNumber()];
  const int64_t block = blockOf(matmul.getLhs());
  int64_t columns = 0;
  for (const ColumnGroup &group : facts.groups)
    columns += group.columns;
  return KernelName{.op = "matmul",
                    .lhs = block ? "s8b" + std::to_string(block) : "f32",
                    .rhs = weight.layout.name(),
                    .shape = "m" + std::to_string(rows) + "n" + std::to_string(columns) + "k" +
                             std::to_string(weight.columns),
                    .isa = isa}
      .str();
}

class MatmulStage {
public:
  MatmulStage(const StageFacts &facts, bool byMatrices, int64_t rows) : facts(facts), byMatrices(byMatrices) {
    for (const ColumnGroup &group : facts.groups) {
      const GroupShape shape = byMatrices ? matrixShape(group, rows) : dotShape(group, rows);
      const auto count = int64_t(llvm::divideCeil(uint64_t(group.columns), uint64_t(shape.width)));
      blocks.push_back({&group, shape, all, count});
      all += count;
      threads = std::max(threads, shape.threads);
      sharedBytes = std::max(sharedBytes, shape.sharedBytes(group));
    }
    for (GroupBlocks &each : blocks)
      each.shape.threads = threads;
  }

  bool fits() const { return sharedBytes <= kMostShared; }

  GpuKernel emit(KernelTable &table, std::string_view isa) {
    const int64_t rows = blocks.front().shape.rows;
    const std::string tileKey = "m" + std::to_string(rows);
    return {{all, rows}, defineGpuKernel(table, facts, tileKey, nameOf(facts, rows, isa), threads, [&](GpuStage &s) {
              Value sums = s.b.shared(sharedBytes, "sums"); // a block is of one group
              for (const GroupBlocks &each : blocks)
                emitGroup(s, each, sums);
            })};
  }

private:
  void emitGroup(GpuStage &s, const GroupBlocks &each, Value sums) {
    GpuBuilder &b = s.b;
    Value column = b.blockColumn();
    auto emit = [&] {
      auto make = byMatrices ? makeMatrixCode : makeDotCode;
      make(s, *each.group, each.shape)->emit(b.sub(column, b.i32(int32_t(each.first))), sums);
    };
    if (blocks.size() == 1)
      return emit();
    Value isBehind = b.less(b.i32(int32_t(each.first - 1)), column);
    b.when(b.both(isBehind, b.less(column, each.first + each.count)), emit);
  }

  const StageFacts &facts;
  const bool byMatrices;
  SmallVector<GroupBlocks> blocks;
  int64_t all = 0, threads = 0, sharedBytes = 0;
};

} // namespace

FailureOr<GpuKernel> emitMatmulStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level,
                                     MClass mClass) {
  if (mClass == MClass::Prefill && level.hasMatrices && hasMatrixCode(facts))
    for (int64_t rows : kManyRows)
      if (MatmulStage stage(facts, /*byMatrices=*/true, rows); stage.fits())
        return stage.emit(table, level.isa);
  return MatmulStage(facts, /*byMatrices=*/false, mClass == MClass::Decode ? 1 : kFewRows).emit(table, level.isa);
}

} // namespace phic::gpu_code
