//===- GpuBuilder.h - Short spellings for kernels of GPUs ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel of a GPU has besides loops and arithmetic: threads of a block, lanes of
// a warp, memory in three spaces, dot products of bytes. Ids and offsets are i32, memory
// is accessed at the alignment of its elements. The ops are gpu's where it has them, so
// that a family lowers them to what its driver takes.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_GPUBUILDER_H
#define PHIC_TARGETS_GPU_GPUBUILDER_H

#include "dialects/phiq/Formats.h"
#include "targets/code/KernelBuilder.h"

namespace phic::gpu_code {

/// Lanes that run together.
inline constexpr int64_t kWarp = 32;
/// Address spaces: the device's memory, and a block's own.
inline constexpr unsigned kGlobal = 1, kShared = 3;
/// Shared memory that a kernel may have on any device.
inline constexpr int64_t kMostShared = 48 << 10;
/// On a kernel: threads of its blocks.
inline constexpr llvm::StringLiteral kThreads = "phic.threads";
/// And the bytes of workspace that it uses.
inline constexpr llvm::StringLiteral kWorkspace = "phic.workspace";

class GpuBuilder : public KernelBuilder {
public:
  explicit GpuBuilder(const KernelBuilder &b) : KernelBuilder(b) {}

  // Who runs.
  Value thread();      ///< of the block
  Value blockColumn(); ///< of the grid, along x
  Value blockRow();
  Value lane() { return bitAnd(thread(), kWarp - 1); }
  Value warp() { return shiftRight(thread(), 5); }

  /// Waits for all threads of the block, which then see what each other has stored.
  void barrier();
  /// Waits for the lanes of the warp.
  void meet();

  /// Counts at `counter`, an i32 in the device's memory, and returns what it was: what the block stored before, and its
  /// threads before a barrier, is seen by who counts later.
  Value countArrival(Value counter);

  // Between the lanes of a warp, all of which must be here. x is i32 or f32.
  Value shuffleXor(Value x, int64_t mask);
  Value shuffleFrom(Value x, Value lane);
  /// Of each `lanes` neighbours, in all of them: by halves, so in one fixed order.
  Value sumOfLanes(Value x, int64_t lanes, int64_t from = 1);
  Value greatestOfLanes(Value x, int64_t lanes);
  /// Of a whole block, in all of its threads, which have to be here: lanes by halves, then warps in their order, through
  /// shared memory of partBytes(threads).
  Value overBlock(Value x, int64_t threads, Value parts, llvm::function_ref<Value(Value, Value)> join);
  static int64_t partBytes(int64_t threads) { return 4 * threads / kWarp; }

  // Integers.
  Value bitAnd(Value a, int64_t mask);
  Value shiftRight(Value a, int64_t bits);
  Value extend(Value a); ///< i32 to i64, signed
  Value truncate(Value a);
  Value equal(Value a, int64_t b);
  Value less(Value a, int64_t b) { return KernelBuilder::less(a, like(a, b)); }
  using KernelBuilder::less;
  Value both(Value a, Value b);
  /// a / b and a % b of what is not negative.
  std::pair<Value, Value> divideRest(Value a, int64_t b);
  /// Of four bytes each; `acc` is i32.
  Value dot4(Value a, bool aSigned, Value b, bool bSigned, Value acc);

  /// Of bytes: a [16, 32] signed, four words of a lane, b [32, 8], two, to s32 [16, 8], four (mma.m16n8k32).
  Values multiplyMatrices(mlir::ValueRange a, mlir::ValueRange b, bool bSigned);

  // Memory. `constant`: nobody stores there while the kernel runs.
  Value load(mlir::Type type, Value pointer, int64_t bytes = 0, bool constant = false);
  void store(Value value, Value pointer, int64_t bytes = 0);
  /// A stored number as f32.
  Value loadNumber(Scalar stored, Value pointer, int64_t bytes, bool constant);
  /// `bytes` of the block's own, for the kernel that is being built; outside of its loops.
  Value shared(int64_t bytes, llvm::StringRef name);
};

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_GPUBUILDER_H
