//===- Elements.cpp - A tensor's elements as numbers -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/Reader.h"
#include "dialects/phiq/Numerics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

namespace phic::onnx {

unsigned elementBits(ElementType type) {
  switch (type) {
  case ElementType::U4:
  case ElementType::I4:
    return 4;
  case ElementType::U8:
  case ElementType::I8:
  case ElementType::Bool:
    return 8;
  case ElementType::U16:
  case ElementType::I16:
  case ElementType::F16:
  case ElementType::BF16:
    return 16;
  case ElementType::F32:
  case ElementType::I32:
  case ElementType::U32:
    return 32;
  case ElementType::F64:
  case ElementType::I64:
  case ElementType::U64:
    return 64;
  default:
    return 0;
  }
}

int64_t Tensor::elements() const {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

void Tensor::append(uint64_t pattern) {
  for (unsigned at = 0; at < elementBits(type); at += 8)
    own.push_back(uint8_t(pattern >> at));
}

namespace {

/// Of element `index`.
uint64_t patternAt(const uint8_t *data, unsigned bits, int64_t index) {
  using namespace llvm::support::endian;
  switch (bits) {
  case 4:
    return data[index / 2] >> (index % 2 * 4) & 15;
  case 8:
    return data[index];
  case 16:
    return read16le(data + 2 * index);
  case 32:
    return read32le(data + 4 * index);
  default:
    return read64le(data + 8 * index);
  }
}

std::optional<int64_t> integerOf(ElementType type, uint64_t pattern) {
  switch (type) {
  case ElementType::Bool:
    return pattern != 0;
  case ElementType::U4:
  case ElementType::U8:
  case ElementType::U16:
  case ElementType::U32:
  case ElementType::U64:
    return int64_t(pattern);
  case ElementType::I4:
  case ElementType::I8:
  case ElementType::I16:
  case ElementType::I32:
  case ElementType::I64:
    return llvm::SignExtend64(pattern, elementBits(type));
  default:
    return std::nullopt;
  }
}

std::optional<double> numberOf(ElementType type, uint64_t pattern) {
  switch (type) {
  case ElementType::F16:
    return halfToFloat(uint16_t(pattern));
  case ElementType::BF16:
    return bfloatToFloat(uint16_t(pattern));
  case ElementType::F32:
    return llvm::bit_cast<float>(uint32_t(pattern));
  case ElementType::F64:
    return llvm::bit_cast<double>(pattern);
  case ElementType::U64:
    return double(pattern);
  default:
    if (std::optional<int64_t> integer = integerOf(type, pattern))
      return double(*integer);
    return std::nullopt;
  }
}

/// What `read` makes of the pattern of each element.
template <typename T, typename Read>
std::optional<std::vector<T>> elementsOf(const Model &model, const Tensor &tensor, Read read) {
  const unsigned bits = elementBits(tensor.type);
  if (!bits || !read(tensor.type, 0))
    return std::nullopt;
  const uint8_t *data = model.bytes(tensor).data();
  std::vector<T> values(size_t(tensor.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = *read(tensor.type, patternAt(data, bits, int64_t(i)));
  return values;
}

} // namespace

llvm::ArrayRef<uint8_t> Model::bytes(const ByteRange &range) const {
  return llvm::arrayRefFromStringRef(buffers[range.file]->getBuffer()).slice(range.offset, range.length);
}

llvm::ArrayRef<uint8_t> Model::bytes(const Tensor &tensor) const {
  return tensor.bytes ? bytes(*tensor.bytes) : llvm::ArrayRef<uint8_t>(tensor.own);
}

std::optional<std::vector<int64_t>> Model::integers(const Tensor &tensor) const {
  return elementsOf<int64_t>(*this, tensor, integerOf);
}

std::optional<std::vector<double>> Model::numbers(const Tensor &tensor) const {
  return elementsOf<double>(*this, tensor, numberOf);
}

} // namespace phic::onnx
