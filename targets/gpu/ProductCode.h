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

  // For who sums by itself: units, which are elements, or words of four codes, by their number along K.

  int64_t units() const { return goesByWords() ? K / PackedLayout::kGroup : K; }
  /// Chooses a column, for all that follows.
  void beginColumn(Value product, Value column);
  Value rowUnit(Value row, Value k);
  Value columnUnit(Value k);
  /// sum + x w
  Value addUnits(Value x, Value w, Value sum);
  /// Whether the sum of a row's codes is wanted, or that of a column's; and a unit's added to it.
  bool wantsRowSums() const { return goesByWords() && wZero; }
  bool wantsColumnSums() const { return goesByWords() && xZero && !isPanel(); }
  Value addRowCodes(Value x, Value sum) { return b.dot4(x, xSigned(), ones(), false, sum); }
  Value addColumnCodes(Value w, Value sum) { return b.dot4(w, wSigned(), ones(), false, sum); }
  /// The sum of all units with zero points taken off; sums that are not wanted are null.
  Value withoutZeros(Value sum, Value ofRow, Value ofColumn);

private:
  /// What a row has at one place of its window: C elements from `first` on, or what pads read.
  struct Pixel {
    Value first, isInside; ///< null: it is
  };
  Pixel pixelOf(Value row, Value tap);
  Value element(const Pixel &pixel, Value c);
  Value weightAt(Value k);
  Value addProduct(Value x, Value w, Value sum);
  Values start(size_t rows);

  bool goesByWords() const;
  bool isPanel() const { return layout.kind == PackedLayout::Kind::CodePanel; }
  bool xSigned() const { return !isUnsignedInteger(xElement); }
  bool wSigned() const { return isPanel() ? layout.storedCodes().isSigned : !isUnsignedInteger(wElement); }
  Value ones() { return b.i32(0x01010101); }
  Values sumsOfWords(llvm::ArrayRef<Value> rows);
  Value wordAt(const Pixel &pixel, Value c);
  Value weightWordAt(Value k);
  Values sumsOfBlocks(size_t rows, llvm::function_ref<Value(size_t row, Value k)> elementAt);

  GridCode &g;
  GpuBuilder &b;
  phiq::ContractOp op;
  const int64_t M, N, K, taps, C; ///< of a product; places of a window, and elements at each
  const mlir::Type xElement, wElement;
  const PackedLayout layout; ///< of w
  WeightCode weight;
  Value product, column, panel, inPanel, weightRow; ///< of the column: of a panel, or of a dense row
  Value xZero, wZero; ///< i32, wZero as codes are stored; null: 0
};

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_PRODUCTCODE_H
