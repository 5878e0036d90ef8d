//===- GridCode.h - Elements of grids, inside of a GPU's kernel -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors are dense, and of less than 2^31 elements: where one of these is, is an i32, counted with the last axis innermost.
// Elements are held as MapCode.h says, each alone. No operand of a stage lies on its results, so that what a kernel
// loads is constant while it runs.
//
// A kernel is a function of an emitter, in the table of EmitGridStage.cpp.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_GRIDCODE_H
#define PHIC_TARGETS_GPU_GRIDCODE_H

#include "dialects/phiq/RowChain.h"
#include "targets/code/MapCode.h"
#include "targets/gpu/GpuStage.h"

namespace phic::gpu_code {

class GridCode {
public:
  explicit GridCode(GpuStage &s) : s(s), b(s.b) {}

  /// Where an operand's elements begin, also of one that is seen through reshapes.
  Value base(Value operand) {
    return s.input(mlir::cast<mlir::BlockArgument>(throughReshapes(operand)).getArgNumber());
  }
  /// The place of element `at` behind `base`.
  Value place(Value base, mlir::Type element, Value at) {
    return b.offset(base, b.mul(b.extend(at), elementBytes(element)));
  }
  Value load(Value operand, Value at);
  Value loadFrom(mlir::Type element, Value pointer, bool isConstant = true);
  /// The only element of an operand, or element `at` of one that has more.
  Value loadNumber(Value operand, Value at);
  void store(unsigned result, Value held, Value at);

  /// What maps make of element `at` of what they read as `made` (null: of other operands alone), which is `held`.
  LaneValues compute(llvm::ArrayRef<phiq::MapOp> maps, Value made, Value held, Value at);
  /// Stores element `at` of the stage's results, by the maps behind what is made, or all of the stage.
  void finish(Value made, llvm::ArrayRef<phiq::MapOp> maps, Value held, Value at);
  void finish(Value made, Value held, Value at);

  /// A barrier, before which threads may come out of loops of different lengths: lanes of a warp have to reach it together.
  void waitForAll() {
    b.meet();
    b.barrier();
  }

  GpuStage &s;
  GpuBuilder &b;
};

/// The place that an element of a tensor of that shape has in another, by the steps along each axis there.
Value placeAt(GpuBuilder &b, Value at, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> steps, int64_t first = 0);

/// Threads of a block, but for kernels of whole rows.
inline constexpr int64_t kGridThreads = 256;
/// Of a block that has a row of `size` elements.
int64_t rowThreads(int64_t size);

/// The code of a grid stage.
struct GpuGridKernel {
  int64_t blocks = 1, threads = kGridThreads;
  std::function<void(GridCode &g)> emit;
};

/// A thread each of `count`: body(g, number).
GpuGridKernel threadKernel(int64_t count, std::function<void(GridCode &g, Value number)> body);
/// A thread each element of the result of a stage's main op: make(g, at) is that, of which the stage's maps make more.
GpuGridKernel elementKernel(mlir::Operation *op, std::function<Value(GridCode &g, Value at)> make);

/// Permute, slice, concat, broadcast and pad. EmitGridMoves.cpp
GpuGridKernel moveKernel(mlir::Operation *op);
GpuGridKernel gatherKernel(mlir::Operation *op);
GpuGridKernel scatterKernel(phiq::ScatterNDOp op);
/// EmitGridAxes.cpp
GpuGridKernel reduceKernel(phiq::ReduceOp op);
GpuGridKernel argKernel(phiq::ArgOp op);
GpuGridKernel resampleKernel(phiq::ResampleOp op);
/// Softmax and normalize. EmitLastAxis.cpp
GpuGridKernel lastAxisKernel(mlir::Operation *op);
/// The same of one row, by all threads of a block: each loads and stores every `threads`-th element. `name` is one that
/// the kernel's other rows do not have.
void emitLastAxisRow(mlir::Operation *op, GridCode &g, int64_t threads, const std::string &name,
                     llvm::function_ref<Value(Value i)> load, llvm::function_ref<void(Value i, Value value)> store);
/// EmitGridWindows.cpp
GpuGridKernel poolKernel(phiq::PoolOp op);
GpuGridKernel depthwiseKernel(phiq::DepthwiseOp op);
GpuGridKernel convTransposeKernel(phiq::ConvTransposeOp op);
/// EmitContract.cpp
GpuGridKernel contractKernel(phiq::ContractOp op);
/// The same of many rows and columns; of few, nothing. EmitContractTiles.cpp
std::optional<GpuGridKernel> contractTilesKernel(phiq::ContractOp op);
/// EmitRowChain.cpp
GpuGridKernel rowChainKernel(const RowChain &chain);
/// EmitLstm.cpp
GpuGridKernel lstmKernel(phiq::LstmOp op);

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_GRIDCODE_H
