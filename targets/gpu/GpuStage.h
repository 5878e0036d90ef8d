//===- GpuStage.h - What every kernel of a GPU begins with -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel's parameters are pointers to the device's memory (phi/gpu.h): the step's frame,
// then an argument each for inputs, results, keys and values of the stage, then the
// session's workspace.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_GPUSTAGE_H
#define PHIC_TARGETS_GPU_GPUSTAGE_H

#include "targets/code/KernelTable.h"
#include "targets/gpu/GpuBuilder.h"
#include "targets/stages/StageFacts.h"

namespace phic::gpu_code {

using mlir::Value;

/// How blocks divide the stage: `columns` side by side, each of `rows` rows.
struct GpuTiles {
  int64_t columns, rows;
};

struct GpuKernel {
  GpuTiles tiles;
  std::string symbol;
};

/// The values of one kernel's body.
class GpuStage {
public:
  GpuStage(GpuBuilder &b, const StageFacts &facts, mlir::Block::BlockArgListType parameters);

  Value input(unsigned index) { return parameters[1 + index]; }
  Value result(unsigned index) { return parameters[1 + facts.inputs.size() + index]; }
  /// Says that nobody stores to an input while the kernel runs: LLVM may then load it past the first cache. Weights are
  /// known to be such.
  void markConstant(unsigned index);
  /// The beginning of a row; `row` is i32.
  Value inputRow(unsigned index, Value row) { return rowOf(input(index), row, facts.inputs[index].rowBytes); }
  Value resultRow(unsigned index, Value row) { return rowOf(result(index), row, facts.results[index].rowBytes); }
  /// Keys, or values, of a KV head of the stage's cache.
  Value keys(Value head) { return headOf(parameters[1 + facts.inputs.size() + facts.results.size()], head); }
  Value values(Value head) { return headOf(parameters[2 + facts.inputs.size() + facts.results.size()], head); }
  /// `bytes` of memory that all blocks of the kernel share, zero before it and, by its doing, after it.
  Value workspace(int64_t bytes);
  /// From a cache, as f32.
  Value loadCached(Value pointer, Value element);

  GpuBuilder &b;
  const StageFacts &facts;
  /// Of the step, i32: its rows, the position of the first, the sequence's length, the first row with logits.
  Value rows, past, total, logitRow0;
  /// The rows that the stage works on.
  Value stageRows() {
    return facts.rows ? b.i32(int32_t(*facts.rows)) : facts.logitRows ? b.sub(rows, logitRow0) : rows;
  }

private:
  Value rowOf(Value base, Value row, int64_t rowBytes);
  Value headOf(Value base, Value head);

  mlir::Block::BlockArgListType parameters;
  Value context; ///< i64: the capacity of the caches
};

/// Defines a kernel around its body; blocks have `threads` threads. `tileKey`: what else its code depends on.
std::string defineGpuKernel(KernelTable &table, const StageFacts &facts, llvm::StringRef tileKey, llvm::StringRef name,
                            int64_t threads, llvm::function_ref<void(GpuStage &)> body);

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_GPUSTAGE_H
