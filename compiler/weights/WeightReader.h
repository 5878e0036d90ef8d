//===- WeightReader.h - Rows of a weight, whatever its layout --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one way to read the numbers of a weight: packers, the interpreter and the
// passes see rows of codes, scales, zero points and minima (or of floats), never
// a tool's storage layout. Values are bit-equal with what the producing tool
// computes (lossless import).
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_WEIGHTREADER_H
#define PHIC_COMPILER_WEIGHTS_WEIGHTREADER_H

#include "compiler/weights/RowQuantizer.h"
#include "dialects/phiq/StoredAs.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <optional>

namespace phic {

class WeightStore;
namespace phiq {
class WeightOp;
}

/// What a `#phiq.conversion` makes of a weight.
struct WeightConversion {
  ConvertMethod method = ConvertMethod::Rtn;
  std::optional<BlockFormat> format; ///< absent: floats of type `element`
  Scalar element = Scalar::F32;
  WeightStatistics statistics = {};
};

/// What a `phiq.weight` says, without MLIR. A vector [N] is one row of N columns.
struct WeightSpec {
  StoredAs storedAs = StorageLayout::DenseNK;
  int64_t rows = 0;                  ///< N
  int64_t columns = 0;               ///< K
  int64_t channels = 1;              ///< of `dense_oihw`: innermost when read
  std::optional<BlockFormat> format; ///< as stored; absent: floats of type `element`
  Scalar element = Scalar::F32;
  llvm::SmallVector<llvm::ArrayRef<uint8_t>, 3> ranges;
  const WeightStore *store = nullptr; ///< owner of the ranges' bytes; null: somebody else's, never released
  std::optional<WeightConversion> conversion; ///< absent: read as stored
};

/// What the op says, its ranges bounds-checked and hashed by the store (WeightReaderOp.cpp).
llvm::Expected<WeightSpec> weightSpecOf(phiq::WeightOp op, WeightStore &store);

/// Reads rows of one weight. Does not own the bytes: the store must outlive it.
class WeightReader {
public:
  virtual ~WeightReader() = default;

  /// Checks that the ranges have the lengths that layout and shape ask for. With a conversion, what is read is its
  /// result (ConvertingReader.h).
  static llvm::Expected<std::unique_ptr<WeightReader>> create(const WeightSpec &spec);
  /// The same from the op.
  static llvm::Expected<std::unique_ptr<WeightReader>> create(phiq::WeightOp op, WeightStore &store);

  int64_t rows() const { return spec.rows; }
  int64_t columns() const { return spec.columns; }
  /// The block format, or nullptr when the weight is floats.
  const BlockFormat *format() const { return spec.format ? &*spec.format : nullptr; }
  /// Type in which the floats of a weight without a format are stored.
  Scalar element() const { return spec.element; }

  /// Rows [n0, n0 + count) of a quantized weight. Vectors are resized, so reusing `rows` allocates
  /// nothing. Transposed layouts are read fastest 8 or more rows at a time.
  virtual void readRows(int64_t n0, int64_t count, BlockRow *rows) const = 0;
  /// The same rows, or those of a float weight, as f32 [count, K] row-major.
  virtual void dequantizeRows(int64_t n0, int64_t count, float *values) const = 0;

  /// Gives the pages behind rows [n0, n0 + count), which have been streamed, back to the system. A
  /// transposed layout gives back nothing before its last row, then everything.
  virtual void release(int64_t n0, int64_t count) const;

protected:
  explicit WeightReader(const WeightSpec &spec) : spec(spec) {}
  WeightSpec spec;
};

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_WEIGHTREADER_H
