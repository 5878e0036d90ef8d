//===- GgufMetadata.cpp - Typed access to GGUF metadata --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Converters differ in which integer and float types they write a number as, so
// a getter accepts every type whose value fits.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufReader.h"

#include "llvm/Support/Endian.h"
#include <bit>
#include <type_traits>

using namespace llvm;
using namespace llvm::support::endian;

namespace phic::gguf {
namespace {

struct TypeRow {
  const char *name;
  unsigned bytes;
};
/// By ValueType.
constexpr TypeRow kTypes[] = {{"u8", 1},   {"s8", 1},     {"u16", 2},   {"s16", 2}, {"u32", 4}, {"s32", 4}, {"f32", 4},
                              {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"s64", 8}, {"f64", 8}};
static_assert(std::size(kTypes) == kValueTypes);

/// What a getter of type T asks for, in words.
template <typename T> constexpr const char *wanted() {
  if constexpr (std::is_same_v<T, uint64_t>)
    return "a non-negative integer";
  else if constexpr (std::is_same_v<T, int64_t>)
    return "an integer";
  else if constexpr (std::is_same_v<T, double>)
    return "a number";
  else if constexpr (std::is_same_v<T, bool>)
    return "a bool";
  else
    return "a string";
}

std::optional<int64_t> signedInteger(ValueType type, const uint8_t *data) {
  switch (type) {
  case ValueType::U8:
    return *data;
  case ValueType::I8:
    return int8_t(*data);
  case ValueType::U16:
    return read16le(data);
  case ValueType::I16:
    return int16_t(read16le(data));
  case ValueType::U32:
    return read32le(data);
  case ValueType::I32:
    return int32_t(read32le(data));
  case ValueType::I64:
    return int64_t(read64le(data));
  case ValueType::U64:
    if (uint64_t value = read64le(data); value <= uint64_t(INT64_MAX))
      return int64_t(value);
    return std::nullopt;
  default:
    return std::nullopt;
  }
}

/// Reads one element and moves on to the next; false when it cannot be a T.
template <typename T> bool readElement(ValueType type, const uint8_t *&data, T &value) {
  const uint8_t *element = data;
  data += valueTypeBytes(type);
  if constexpr (std::is_same_v<T, StringRef>) {
    if (type != ValueType::String)
      return false;
    uint64_t length = read64le(element);
    value = {reinterpret_cast<const char *>(element + 8), size_t(length)};
    data = element + 8 + length;
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    value = *element != 0;
    return type == ValueType::Bool;
  } else {
    if constexpr (std::is_same_v<T, double>) {
      if (type == ValueType::F32)
        return value = std::bit_cast<float>(read32le(element)), true;
      if (type == ValueType::F64)
        return value = std::bit_cast<double>(read64le(element)), true;
    }
    if (std::is_same_v<T, uint64_t> && type == ValueType::U64)
      return value = T(read64le(element)), true;
    std::optional<int64_t> integer = signedInteger(type, element);
    if (!integer || (std::is_same_v<T, uint64_t> && *integer < 0))
      return false;
    return value = T(*integer), true;
  }
}

template <typename T> struct ElementOf {
  using Type = T;
  static constexpr bool isArray = false;
};
template <typename T> struct ElementOf<std::vector<T>> {
  using Type = T;
  static constexpr bool isArray = true;
};

} // namespace

const char *valueTypeName(ValueType type) { return kTypes[uint32_t(type)].name; }

unsigned valueTypeBytes(ValueType type) { return kTypes[uint32_t(type)].bytes; }

template <typename T> Expected<T> GgufFile::get(StringRef key) const {
  using Element = typename ElementOf<T>::Type;
  constexpr bool isArray = ElementOf<T>::isArray;
  auto found = values.find(key);
  if (found == values.end())
    return createStringError(inconvertibleErrorCode(), "metadata key '" + key + "' is missing");
  const Metadata &value = found->second;
  auto mismatch = [&] {
    return createStringError(inconvertibleErrorCode(),
                             "metadata key '" + key + "' is " + (value.isArray ? "an array of " : "of type ") +
                                 valueTypeName(value.type) + ", expected " +
                                 (isArray ? "an array, each element " : "") + wanted<Element>() +
                                 (value.isArray == isArray ? " that fits" : ""));
  };
  if (value.isArray != isArray)
    return mismatch();
  const uint8_t *data = value.bytes.data();
  if constexpr (isArray) {
    T result;
    for (uint64_t i = 0; i < value.count; ++i) {
      Element element{};
      if (!readElement(value.type, data, element))
        return mismatch();
      result.push_back(element);
    }
    return result;
  } else {
    T result{};
    if (!readElement(value.type, data, result))
      return mismatch();
    return result;
  }
}

#define PHIC_INSTANTIATE(T)                                                                                            \
  template Expected<T> GgufFile::get<T>(StringRef) const;                                                              \
  template Expected<std::vector<T>> GgufFile::get<std::vector<T>>(StringRef) const;
PHIC_INSTANTIATE(uint64_t)
PHIC_INSTANTIATE(int64_t)
PHIC_INSTANTIATE(double)
PHIC_INSTANTIATE(bool)
PHIC_INSTANTIATE(StringRef)
#undef PHIC_INSTANTIATE

} // namespace phic::gguf
