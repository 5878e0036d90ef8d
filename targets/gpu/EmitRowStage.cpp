//===- EmitRowStage.cpp - Work on single rows ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block a row: sums over it first, then its elements.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include "targets/gpu/Kernels.h"
#include "targets/gpu/RowCode.h"
#include "targets/gpu/WeightCode.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

/// A thread has about four elements.
int64_t threadsFor(int64_t columns) {
  constexpr int64_t kMost = 512, kElements = 4;
  int64_t threads = kWarp;
  while (threads < kMost && threads * kElements < columns)
    threads *= 2;
  return threads;
}

} // namespace

FailureOr<GpuKernel> emitRowStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level) {
  if (facts.groups.size() != 1)
    return facts.stage->emitOpError("works on rows of different lengths");
  const ColumnGroup &group = facts.groups.front();
  auto embed = facts.first<phiq::EmbedOp>();
  const int64_t threads = threadsFor(group.columns);
  KernelName name{.op = embed ? "embed" : "rows", .shape = "n" + std::to_string(group.columns), .isa = level.isa};
  auto emit = [&](GpuStage &s) {
    GpuBuilder &b = s.b;
    Value row = b.blockRow(), id;
    auto core = [&](unsigned, Value column) {
      const unsigned table = cast<BlockArgument>(embed.getTable()).getArgNumber();
      WeightCode weight(b, facts.inputs[table].layout, facts.inputs[table].columns);
      return weight.element(s.input(table), id, column);
    };
    if (embed) {
      const unsigned ids = cast<BlockArgument>(embed.getIds()).getArgNumber();
      id = b.load(b.getI32Type(), b.offset(s.input(ids), b.mul(row, 4)));
    }
    RowCode code(s, group, kWarp, core);
    code.sumRows(row, threads);
    const auto stored = int64_t(llvm::alignTo(uint64_t(group.columns), uint64_t(kWarp)));
    b.loop(b.thread(), b.i32(int32_t(stored)), threads, [&](Value column) { code.store(row, column, Value()); });
  };
  return GpuKernel{{1, 1}, defineGpuKernel(table, facts, "", name.str(), threads, emit)};
}

} // namespace phic::gpu_code
