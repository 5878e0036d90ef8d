//===- ParseConstant.cpp - Numbers on the command line ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/InputFile.h"
#include "compiler/files/Npy.h"
#include "compiler/import/onnx/InputFlags.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

namespace phic::onnx {
namespace {

constexpr int64_t kMostElements = int64_t(1) << 24;

/// The pattern of an element of `type`; nothing where the text is none.
std::optional<uint64_t> patternOf(ElementType type, llvm::StringRef text) {
  const unsigned bits = elementBits(type);
  double real = 0;
  int64_t integer = 0;
  switch (type) {
  case ElementType::Bool:
    return text == "true" || text == "1"    ? std::optional(1)
           : text == "false" || text == "0" ? std::optional(0)
                                            : std::nullopt;
  case ElementType::F32:
  case ElementType::F64:
    if (text.getAsDouble(real) || !std::isfinite(type == ElementType::F32 ? double(float(real)) : real))
      return std::nullopt;
    return type == ElementType::F32 ? llvm::bit_cast<uint32_t>(float(real)) : llvm::bit_cast<uint64_t>(real);
  case ElementType::I8:
  case ElementType::I16:
  case ElementType::I32:
  case ElementType::I64:
    return text.getAsInteger(10, integer) || !llvm::isIntN(bits, integer) ? std::nullopt
                                                                          : std::optional(uint64_t(integer));
  case ElementType::U8:
  case ElementType::U16:
  case ElementType::U32:
    return text.getAsInteger(10, integer) || integer < 0 || !llvm::isUIntN(bits, uint64_t(integer))
               ? std::nullopt
               : std::optional(uint64_t(integer));
  default:
    return std::nullopt;
  }
}

/// NumPy's name of a type; empty: it has none.
llvm::StringRef descrOf(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "<f2";
  case ElementType::F32:
    return "<f4";
  case ElementType::F64:
    return "<f8";
  case ElementType::Bool:
    return "|b1";
  case ElementType::I8:
    return "|i1";
  case ElementType::I16:
    return "<i2";
  case ElementType::I32:
    return "<i4";
  case ElementType::I64:
    return "<i8";
  case ElementType::U8:
    return "|u1";
  case ElementType::U16:
    return "<u2";
  case ElementType::U32:
    return "<u4";
  case ElementType::U64:
    return "<u8";
  default:
    return "";
  }
}

std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  auto text = [](int64_t size) { return size < 0 ? "?" : std::to_string(size); };
  return "[" + llvm::join(llvm::map_range(shape, text), ", ") + "]";
}

std::string describe(const Tensor &tensor) { return elementTypeName(tensor.type) + " " + shapeText(tensor.dims); }

llvm::Error tooMany() {
  return llvm::createStringError("has more than " + llvm::Twine(kMostElements) + " elements, too many for a constant");
}

} // namespace

llvm::Expected<Tensor> parseConstant(const ValueInfo &input, std::vector<int64_t> shape, llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ',');
  const auto count = int64_t(words.size());
  Tensor tensor{input.name, input.type, std::move(shape), std::nullopt, {}};
  if (tensor.dims == std::vector<int64_t>{-1})
    tensor.dims = {count};
  const int64_t elements = tensor.elements();
  if (elements > kMostElements)
    return tooMany();
  if (count != 1 && count != elements)
    return llvm::createStringError("is " + describe(tensor) + ", of " + llvm::Twine(elements) + " elements, not " +
                                   llvm::Twine(count));
  for (int64_t i = 0; i < elements; ++i) {
    const llvm::StringRef word = words[size_t(count == 1 ? 0 : i)].trim();
    std::optional<uint64_t> pattern = patternOf(tensor.type, word);
    if (!pattern)
      return llvm::createStringError("is " + describe(tensor) + ", which '" + word + "' is not of");
    tensor.append(*pattern);
  }
  return tensor;
}

llvm::Expected<Tensor> readConstant(const ValueInfo &input, std::optional<llvm::ArrayRef<int64_t>> sizes,
                                    const std::string &path) {
  auto file = mapInput(path);
  if (!file)
    return llvm::createStringError("has no value: " + llvm::toString(file.takeError()));
  llvm::Expected<NpyContents> array = readNpy((*file)->getBuffer());
  if (!array)
    return llvm::createStringError("has no value: " + path + " " + llvm::toString(array.takeError()));
  if (array->descr != descrOf(input.type))
    return llvm::createStringError("is " + elementTypeName(input.type) + ", " + path + " holds '" + array->descr + "'");
  auto fits = [](int64_t wanted, int64_t found) { return wanted == found || (wanted < 0 && found > 0); };
  if (sizes && !std::equal(sizes->begin(), sizes->end(), array->shape.begin(), array->shape.end(), fits))
    return llvm::createStringError("is " + shapeText(*sizes) + ", " + path + " holds " + shapeText(array->shape));
  if (array->elements() > uint64_t(kMostElements))
    return tooMany();
  return Tensor{input.name, input.type, std::vector<int64_t>(array->shape.begin(), array->shape.end()), std::nullopt,
                std::vector<uint8_t>(array->data.bytes_begin(), array->data.bytes_end())};
}

} // namespace phic::onnx
