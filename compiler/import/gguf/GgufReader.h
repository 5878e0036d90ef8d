//===- GgufReader.h - GGUF files as metadata and tensors -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the untrusted bytes of a GGUF file into a table of metadata and a table
// of tensors. Every count, length and offset is checked against the file before
// it is believed; an error names the byte offset and the key or tensor. No IR in
// here (GgufBuilder.cpp), and nothing is copied: strings point into the mapping.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFREADER_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFREADER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace llvm {
class MemoryBuffer;
}

namespace phic::gguf {

/// Value types of metadata, as numbered in the file.
enum class ValueType : uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

constexpr uint32_t kValueTypes = 13;
/// "u32", "string", ...
const char *valueTypeName(ValueType type);
/// Bytes of one value; 0 for strings and arrays.
unsigned valueTypeBytes(ValueType type);

/// A metadata value: where its bytes lie. Of an array, `type` is its elements' type.
struct Metadata {
  ValueType type = ValueType::U8;
  bool isArray = false;
  uint64_t count = 1;            ///< elements; 1 unless an array
  llvm::ArrayRef<uint8_t> bytes; ///< the elements, as stored
};

struct GgufTensor {
  llvm::StringRef name;
  uint32_t type = 0;                    ///< ggml type id; see ggufTypeById
  llvm::SmallVector<uint64_t, 4> shape; ///< slowest axis first: a linear layer is [out, in]
  uint64_t offset = 0;                  ///< in the file
  uint64_t bytes = 0;                   ///< 0 when phic does not read the type
};

class GgufFile {
public:
  /// Maps and checks a file.
  static llvm::Expected<std::unique_ptr<GgufFile>> open(llvm::StringRef path);
  /// Checks bytes that outlive the result.
  static llvm::Expected<std::unique_ptr<GgufFile>> parse(llvm::ArrayRef<uint8_t> bytes);
  ~GgufFile();

  bool has(llvm::StringRef key) const { return values.contains(key); }
  /// The key exists and is an array.
  bool isArray(llvm::StringRef key) const { return values.lookup(key).isArray; }
  /// Keys in file order.
  llvm::ArrayRef<llvm::StringRef> keys() const { return keyOrder; }

  /// The value of a key; an error that names the key when it is absent or of another type.
  /// T is one of uint64_t, int64_t (any integer that fits), double (any number), bool,
  /// llvm::StringRef, or std::vector of uint64_t, int64_t, double, bool, llvm::StringRef (arrays).
  template <typename T> llvm::Expected<T> get(llvm::StringRef key) const;
  /// The same, but std::nullopt when the key is absent.
  template <typename T> llvm::Expected<std::optional<T>> find(llvm::StringRef key) const {
    if (!has(key))
      return std::nullopt;
    llvm::Expected<T> value = get<T>(key);
    if (!value)
      return value.takeError();
    return std::optional<T>(std::move(*value));
  }
  /// The same, but `fallback` when the key is absent.
  template <typename T> llvm::Expected<T> getOr(llvm::StringRef key, T fallback) const {
    return has(key) ? get<T>(key) : llvm::Expected<T>(std::move(fallback));
  }

  llvm::ArrayRef<GgufTensor> tensors() const { return tensorTable; }
  /// The tensor of that name, or nullptr.
  const GgufTensor *tensor(llvm::StringRef name) const;
  /// A tensor's bytes, as stored.
  llvm::ArrayRef<uint8_t> data(const GgufTensor &tensor) const { return bytes.slice(tensor.offset, tensor.bytes); }

private:
  friend class GgufParser;
  GgufFile() = default;

  std::unique_ptr<llvm::MemoryBuffer> buffer; ///< null when parse() was given the bytes
  llvm::ArrayRef<uint8_t> bytes;
  llvm::StringMap<Metadata> values;
  std::vector<llvm::StringRef> keyOrder;
  std::vector<GgufTensor> tensorTable;
  llvm::StringMap<size_t> tensorIndex;
};

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFREADER_H
