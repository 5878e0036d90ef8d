//===- AbacusDialect.cpp - Attributes of the abacus ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/targets/abacus/backend/AbacusDialect.h"
#include "dialects/phiq/Numerics.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cstring>

using namespace mlir;
using namespace phic;
using namespace phic::abacus;

#include "test/targets/abacus/backend/AbacusDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "test/targets/abacus/backend/AbacusAttrs.cpp.inc"

void AbacusDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "test/targets/abacus/backend/AbacusAttrs.cpp.inc"
      >();
}

namespace {

template <typename T> void store(uint8_t *out, int64_t index, T value) {
  std::memcpy(out + index * int64_t(sizeof(T)), &value, sizeof(T));
}

template <typename T> T load(const uint8_t *bytes, int64_t index) {
  T value;
  std::memcpy(&value, bytes + index * int64_t(sizeof(T)), sizeof(T));
  return value;
}

} // namespace

int64_t StripsAttr::stripBytes(int64_t K) const {
  return getBlock() == 0 ? 4 * K * getWidth() : codeBytes(K) + 12 * blocks(K) * getWidth();
}

std::string StripsAttr::layoutName() const {
  return "strips" + std::to_string(getWidth()) + (getBlock() ? "x" + std::to_string(getBlock()) : "");
}

int64_t StripsAttr::rowsTogether() const { return getWidth(); }
bool StripsAttr::holdsCodes() const { return getBlock() > 0; }

int64_t StripsAttr::bytes(int64_t rows, int64_t K) const {
  return (rows + getWidth() - 1) / getWidth() * stripBytes(K);
}

void StripsAttr::packCodes(ArrayRef<BlockRow> rows, int64_t K, uint8_t *out) const {
  const int64_t width = getWidth();
  std::memset(out, 0, size_t(bytes(int64_t(rows.size()), K)));
  for (auto [n, row] : llvm::enumerate(rows)) {
    uint8_t *strip = out + int64_t(n) / width * stripBytes(K), *floats = strip + codeBytes(K);
    const int64_t r = int64_t(n) % width, all = blocks(K) * width;
    for (int64_t k = 0; k < K; ++k)
      store<int16_t>(strip, k * width + r, row.codes[size_t(k)]);
    for (int64_t b = 0; b < blocks(K); ++b) {
      store<float>(floats, b * width + r, row.scale[size_t(b)]);
      store<float>(floats, all + b * width + r, row.zero[size_t(b)]);
      store<float>(floats, 2 * all + b * width + r, row.min[size_t(b)]);
    }
  }
}

void StripsAttr::packFloats(ArrayRef<float> values, int64_t K, uint8_t *out) const {
  const int64_t width = getWidth(), rows = int64_t(values.size()) / K;
  std::memset(out, 0, size_t(bytes(rows, K)));
  for (int64_t n = 0; n < rows; ++n)
    for (int64_t k = 0; k < K; ++k)
      store<float>(out + n / width * stripBytes(K), k * width + n % width, values[size_t(n * K + k)]);
}

void StripsAttr::unpackRow(const uint8_t *base, int64_t K, int64_t n, BlockRow *out) const {
  const int64_t width = getWidth(), r = n % width, all = blocks(K) * width;
  const uint8_t *strip = base + n / width * stripBytes(K), *floats = strip + codeBytes(K);
  *out = {};
  for (int64_t k = 0; k < K; ++k)
    out->codes.push_back(load<int16_t>(strip, k * width + r));
  for (int64_t b = 0; b < blocks(K); ++b) {
    out->scale.push_back(load<float>(floats, b * width + r));
    out->zero.push_back(load<float>(floats, all + b * width + r));
    out->min.push_back(load<float>(floats, 2 * all + b * width + r));
  }
}

void StripsAttr::dequantizeRow(const uint8_t *base, int64_t K, int64_t n, float *out) const {
  if (getBlock() == 0) {
    for (int64_t k = 0; k < K; ++k)
      out[k] = load<float>(base + n / getWidth() * stripBytes(K), k * getWidth() + n % getWidth());
    return;
  }
  BlockRow row;
  unpackRow(base, K, n, &row);
  for (int64_t k = 0; k < K; ++k) {
    const auto b = size_t(k / getBlock());
    out[k] = getMinima() ? dequantize(row.codes[size_t(k)], row.scale[b], row.zero[b], row.min[b])
                         : dequantize(row.codes[size_t(k)], row.scale[b], row.zero[b]);
  }
}
