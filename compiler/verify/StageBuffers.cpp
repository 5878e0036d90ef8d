//===- StageBuffers.cpp - A program's bytes as values ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/StageBuffers.h"
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Numerics.h"
#include "dialects/plan/Entry.h"
#include <cmath>
#include <cstring>
#include <limits>

using namespace llvm;

namespace phic {
namespace {

float floatAt(const uint8_t *bytes, int64_t index) {
  float value;
  std::memcpy(&value, bytes + index * int64_t(sizeof(float)), sizeof(float));
  return value;
}

float elementAt(Scalar element, const uint8_t *bytes, int64_t index) {
  if (element == Scalar::F32)
    return floatAt(bytes, index);
  uint16_t bits;
  std::memcpy(&bits, bytes + index * int64_t(sizeof(bits)), sizeof(bits));
  return element == Scalar::F16 ? halfToFloat(bits) : bfloatToFloat(bits);
}

/// A quantized row: codes, scales, sums.
void readQuantizedRow(const uint8_t *bytes, const BlockFormat &format, const RowLayout &layout, int64_t i,
                      StoredRows &stored) {
  Rows &rows = stored.rows;
  const int64_t blocks = rows.blocks();
  const uint8_t *scales = bytes + layout.scalesOffset, *sums = bytes + layout.sumsOffset;
  for (int64_t b = 0; b < blocks; ++b) {
    rows.scales.push_back(floatAt(scales, b));
    stored.sums.push_back(floatAt(sums, b));
  }
  for (int64_t j = 0; j < rows.columns; ++j) {
    int32_t code = format.codes.isSigned ? int32_t(int8_t(bytes[j])) : int32_t(bytes[j]);
    rows.codes.push_back(code);
    rows.row(i)[j] = dequantize(code, rows.scales[size_t(i * blocks + j / rows.block)], float(format.zeroConstant));
  }
}

/// Integers of a graph's own, little-endian.
void readIntegers(const uint8_t *bytes, mlir::Type type, Rows &rows, int64_t i) {
  const int64_t size = elementBytes(type);
  for (int64_t j = 0; j < rows.columns; ++j) {
    uint64_t low = 0;
    std::memcpy(&low, bytes + j * size, size_t(size));
    const unsigned unused = unsigned(64 - 8 * size);
    rows.integers[size_t(i * rows.columns + j)] =
        isUnsignedInteger(type) ? int64_t(low) : int64_t(low << unused) >> unused;
  }
}

/// What is behind the first axis.
int64_t columnsOf(mlir::RankedTensorType type) {
  int64_t columns = 1;
  for (int64_t size : type.getShape().drop_front(std::min<size_t>(1, type.getShape().size())))
    columns *= size;
  return columns;
}

} // namespace

Expected<StoredRows> rowsFromBytes(mlir::RankedTensorType type, const Backend &backend, ArrayRef<uint8_t> bytes,
                                   int64_t count, int64_t rowBytes) {
  StoredRows stored;
  stored.rows = Rows(count, columnsOf(type));
  if (isa<mlir::IntegerType>(type.getElementType())) {
    stored.rows.integers.resize(stored.rows.values.size());
    stored.rows.values.clear();
  }
  if (count == 0)
    return stored;
  auto block = dyn_cast<phiq::BlockType>(type.getElementType());
  const RowLayout layout = block ? backend.rowLayout(type) : RowLayout{};
  int64_t needed = block ? 0 : int64_t(plan::denseRowBytes(type));
  if (block) {
    stored.rows.block = block.getFormat().block;
    stored.rows.zero = int32_t(block.getFormat().zeroConstant);
    needed = std::max(layout.scalesOffset, layout.sumsOffset) + stored.rows.blocks() * 4;
  }
  // The last row need not be whole: the planned size of the logits is what they take.
  if (rowBytes < needed || int64_t(bytes.size()) < (count - 1) * rowBytes + needed)
    return createStringError("a buffer has " + Twine(bytes.size()) + " bytes, " + Twine(count) + " rows of " +
                             Twine(needed) + " are in it");
  for (int64_t i = 0; i < count; ++i) {
    const uint8_t *row = bytes.data() + i * rowBytes;
    if (block)
      readQuantizedRow(row, block.getFormat(), layout, i, stored);
    else if (type.getElementType().isF32())
      std::memcpy(stored.rows.row(i), row, size_t(needed));
    else
      readIntegers(row, type.getElementType(), stored.rows, i);
  }
  return stored;
}

Expected<Datum> datumFromBytes(mlir::RankedTensorType type, const Backend &backend, ArrayRef<uint8_t> bytes) {
  const uint64_t rowBytes = plan::denseRowBytes(type);
  Datum datum;
  if (type.getElementType().isInteger(32) && !type.hasStaticShape()) { // tokens
    datum.ids.resize(bytes.size() / sizeof(int32_t));
    std::memcpy(datum.ids.data(), bytes.data(), datum.ids.size() * sizeof(int32_t));
    return datum;
  }
  const int64_t rows = rowBytes ? int64_t(bytes.size() / rowBytes) : type.getDimSize(0); // of no bytes, any number
  Expected<StoredRows> stored = rowsFromBytes(type, backend, bytes, rows, int64_t(rowBytes));
  if (!stored)
    return stored.takeError();
  datum.rows = std::move(stored->rows);
  return datum;
}

static Error checkCache(const CacheState &cache, ArrayRef<uint8_t> bytes, int64_t context, int64_t positions) {
  int64_t needed = context * cache.heads * cache.headDim * (cache.element == Scalar::F32 ? 4 : 2);
  if (positions > context || int64_t(bytes.size()) != needed)
    return createStringError("a cache of " + Twine(bytes.size()) + " bytes, " + Twine(context) + " positions need " +
                             Twine(needed));
  return Error::success();
}

using IndexOf = int64_t (plan::CacheLayoutAttr::*)(const plan::CacheElement &) const;

static Expected<Rows> cacheFromBytes(const CacheState &cache, plan::CacheLayoutAttr layout, IndexOf indexOf,
                                     ArrayRef<uint8_t> bytes, int64_t context, int64_t positions) {
  if (Error error = checkCache(cache, bytes, context, positions))
    return std::move(error);
  Rows rows(positions, cache.heads * cache.headDim);
  for (int64_t t = 0; t < positions; ++t)
    for (int64_t head = 0; head < cache.heads; ++head)
      for (int64_t d = 0; d < cache.headDim; ++d)
        rows.row(t)[head * cache.headDim + d] = elementAt(
            cache.element, bytes.data(), (layout.*indexOf)({context, cache.heads, cache.headDim, t, head, d}));
  return rows;
}

Expected<Rows> keysFromBytes(const CacheState &cache, plan::CacheLayoutAttr layout, ArrayRef<uint8_t> bytes,
                             int64_t context, int64_t positions) {
  return cacheFromBytes(cache, layout, &plan::CacheLayoutAttr::keyIndex, bytes, context, positions);
}

Expected<Rows> valuesFromBytes(const CacheState &cache, plan::CacheLayoutAttr layout, ArrayRef<uint8_t> bytes,
                               int64_t context, int64_t positions) {
  return cacheFromBytes(cache, layout, &plan::CacheLayoutAttr::valueIndex, bytes, context, positions);
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

namespace {

/// Keeps the worst. NaN where it is meant is right, and worse than everything elsewhere; equal values are right whatever the
/// bound.
void consider(Divergence &worst, const char *what, int64_t row, int64_t column, double got, double expected,
              double bound, bool isDiscrete = false) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double distance = std::fabs(got - expected);
  double ratio = got == expected || (std::isnan(got) && std::isnan(expected)) ? 0
                 : distance <= bound || bound > 0                             ? distance / bound
                                                                              : kInfinity;
  if (std::isnan(ratio))
    ratio = kInfinity;
  if (isDiscrete && ratio <= 1)
    ratio /= 2;
  if (ratio > worst.ratio || worst.what.empty())
    worst = {ratio, what, row, column, got, expected, bound};
}

/// A code's bound is how far it may be off on that side.
void compareCodes(Divergence &worst, const Rows &got, const Rows &expected) {
  for (size_t i = 0; i < got.codes.size(); ++i) {
    int32_t code = got.codes[i], meant = expected.codes[i];
    int32_t allowed = code > meant ? expected.greatestCodes[i] - meant : meant - expected.leastCodes[i];
    consider(worst, "code", int64_t(i) / got.columns, int64_t(i) % got.columns, code, meant, allowed,
             /*isDiscrete=*/true);
  }
}

} // namespace

Divergence compareRows(const StoredRows &got, const Rows &expected) {
  Divergence worst;
  const Rows &rows = got.rows;
  assert(rows.size() == 0 || rows.columns == expected.columns);
  if (rows.rows != expected.rows)
    return {
        std::numeric_limits<double>::infinity(), "number of rows", 0, 0, double(rows.rows), double(expected.rows), 0};
  if (rows.block == 0) {
    for (int64_t i = 0; i < rows.size(); ++i)
      consider(worst, "value", i / rows.columns, i % rows.columns, rows.number(i), expected.number(i),
               expected.errorAt(i));
    return worst;
  }
  compareCodes(worst, rows, expected);
  for (int64_t i = 0; i < int64_t(rows.scales.size()); ++i) {
    int64_t row = i / rows.blocks(), block = i % rows.blocks();
    double scale = rows.scales[size_t(i)];
    consider(worst, "scale", row, block * rows.block, scale, expected.scales[size_t(i)],
             expected.scaleError[size_t(i)]);
    // The sum is checked against the codes and the scale that the program stored beside it: one product.
    double sum = 0;
    for (int64_t j = block * rows.block; j < std::min((block + 1) * rows.block, rows.columns); ++j)
      sum += rows.codes[size_t(row * rows.columns + j)];
    consider(worst, "block sum", row, block * rows.block, got.sums[size_t(i)], float(scale * sum),
             gammaOf(1) * std::fabs(scale * sum));
  }
  return worst;
}

Divergence compareCache(const Rows &got, const Rows &expected, const Rows &before, int64_t first, bool isHalf) {
  Divergence worst;
  for (int64_t t = 0; t < got.rows; ++t)
    for (int64_t j = 0; j < got.columns; ++j) {
      bool isOld = t < first;
      double wanted = isOld ? before.row(t)[j] : expected.row(t)[j];
      consider(worst, isOld ? "earlier position" : "value", t, j, got.row(t)[j], wanted,
               isOld ? 0 : expected.errorAt(t * got.columns + j), isHalf);
    }
  return worst;
}

} // namespace phic
