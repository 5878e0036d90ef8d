//===- ProductCode.h - Products of rows, or windows, and weights -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread sums some rows times one column, k ascending, one fma each, or in s32. Rows of 8-bit codes go by words of four
// where they can, with the zero points taken off at the end:
//
//     sum (x - p) (w - q) = sum x w - p sum w - q (sum x - K p)
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_PRODUCTCODE_H
#define PHIC_TARGETS_GPU_PRODUCTCODE_H

#include "targets/gpu/GridCode.h"
#include "targets/gpu/WeightCode.h"

namespace phic::gpu_code {

class ProductCode {
public:
  using Values = KernelBuilder::Values;

  ProductCode(GridCode &g, phiq::ContractOp op);

  /// What the code depends on beside the stage's text.
  static std::string keyOf(const StageFacts &facts, phiq::ContractOp op);

  /// Sums of rows of a product with a column of it, i32 all of them; f32 or i32 as the result has.
  Values sums(Value product, llvm::ArrayRef<Value> rows, Value column);
  /// The same of one row that is elsewhere: `elementAt(k)` is held.
  Value sumOf(llvm::function_ref<Value(Value k)> elementAt, Value product, Value column);

private:
  /// What a row has at one place of its window: C elements from `first` on, or what pads read.
  struct Pixel {
    Value first, isInside; ///< null: it is
  };
  void beginColumn(Value product, Value column);
  Pixel pixelOf(Value row, Value tap);
  Value element(const Pixel &pixel, Value c);
  Value weightAt(Value k);
  Value addProduct(Value x, Value w, Value sum);
  Values start(size_t rows);

  bool goesByWords() const;
  Values sumsOfWords(llvm::ArrayRef<Value> rows);
  Value wordAt(const Pixel &pixel, Value c, Value outside);
  Value weightWordAt(Value k);
  Values sumsOfBlocks(size_t rows, llvm::function_ref<Value(size_t row, Value k)> elementAt);

  GridCode &g;
  GpuBuilder &b;
  phiq::ContractOp op;
  const int64_t M, N, K, taps, C; ///< of a product; places of a window, and elements at each
  const mlir::Type xElement, wElement;
  const PackedLayout layout; ///< of w
  WeightCode weight;
  Value product, panel, inPanel, weightRow; ///< of the column: of a panel, or of a dense row
  Value xZero, wZero; ///< i32, wZero as codes are stored; null: 0
};

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_PRODUCTCODE_H
