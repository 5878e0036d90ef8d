//===- GgufReader.cpp - GGUF files as metadata and tensors -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file, little-endian: "GGUF", u32 version, u64 tensor count, u64 metadata
// count; metadata (key, type, value); tensor infos (name, axes, type, offset);
// padding to `general.alignment`; the tensors' bytes. Tables grow as entries are
// read, never by what a count claims.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufReader.h"
#include "compiler/files/InputFile.h"

#include "dialects/phiq/Formats.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <bit>
#include <limits>
#include <type_traits>

using namespace llvm;
using namespace llvm::support::endian;

namespace phic::gguf {
namespace {

constexpr uint32_t kMostAxes = 4;

Error fail(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

/// `a * b`, or false when it does not fit.
bool multiply(uint64_t a, uint64_t b, uint64_t &product) { return !__builtin_mul_overflow(a, b, &product); }

} // namespace

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

/// Fills a GgufFile. The first error stays in `error`; every step after it returns at once.
class GgufParser {
public:
  GgufParser(ArrayRef<uint8_t> bytes, GgufFile &file) : bytes(bytes), file(file) {}

  Error run() {
    uint64_t tensorCount = 0, keyCount = 0;
    if (!parseHeader(tensorCount, keyCount))
      return fail(error);
    for (uint64_t i = 0; i < keyCount; ++i)
      if (!parseKey())
        return fail(error);
    for (uint64_t i = 0; i < tensorCount; ++i)
      if (!parseTensor())
        return fail(error);
    if (!placeTensors())
      return fail(error);
    return Error::success();
  }

private:
  bool failAt(uint64_t offset, const Twine &message) {
    error = ("at byte " + Twine(offset) + (entry.empty() ? "" : " (" + entry + ")") + ": " + message).str();
    return false;
  }

  bool take(uint64_t length, const char *what, const uint8_t *&data) {
    if (length > bytes.size() - at)
      return failAt(at, formatv("{0} of {1} bytes runs past the end of the file, which has {2} bytes", what, length,
                                bytes.size()));
    data = bytes.data() + at;
    at += length;
    return true;
  }

  bool takeU32(const char *what, uint32_t &value) {
    const uint8_t *data;
    if (!take(4, what, data))
      return false;
    value = read32le(data);
    return true;
  }

  bool takeU64(const char *what, uint64_t &value) {
    const uint8_t *data;
    if (!take(8, what, data))
      return false;
    value = read64le(data);
    return true;
  }

  bool takeString(const char *what, StringRef &text) {
    uint64_t length = 0;
    const uint8_t *data;
    if (!takeU64("a string's length", length) || !take(length, what, data))
      return false;
    text = {reinterpret_cast<const char *>(data), size_t(length)};
    return true;
  }

  bool parseHeader(uint64_t &tensorCount, uint64_t &keyCount) {
    const uint8_t *magic;
    if (!take(4, "the magic number", magic))
      return false;
    if (StringRef(reinterpret_cast<const char *>(magic), 4) != "GGUF")
      return failAt(0, "not a GGUF file: it does not begin with 'GGUF'");
    uint32_t version = 0;
    if (!takeU32("the version", version))
      return false;
    if (byteswap(version) >= 1 && byteswap(version) <= 3)
      return failAt(4, "big-endian GGUF files are not supported");
    if (version != 2 && version != 3)
      return failAt(4, "GGUF version " + Twine(version) + " is not supported, only 2 and 3; convert the model again");
    return takeU64("the number of tensors", tensorCount) && takeU64("the number of metadata keys", keyCount);
  }

  bool parseKey() {
    entry = "metadata key " + std::to_string(file.keyOrder.size());
    uint64_t begin = at;
    StringRef key;
    if (!takeString("a key", key))
      return false;
    entry = "metadata key '" + key.str() + "'";
    Metadata value;
    if (!parseType(value.type))
      return false;
    if (value.type == ValueType::Array) {
      value.isArray = true;
      if (!parseType(value.type) || !takeU64("an array's length", value.count))
        return false;
      if (value.type == ValueType::Array)
        return failAt(at, "arrays of arrays are not supported");
    }
    if (!parseElements(value))
      return false;
    if (!file.values.try_emplace(key, value).second)
      return failAt(begin, "the key appears twice");
    file.keyOrder.push_back(key);
    entry.clear();
    return true;
  }

  bool parseType(ValueType &type) {
    uint32_t id = 0;
    if (!takeU32("a value's type", id))
      return false;
    if (id >= kValueTypes)
      return failAt(at - 4, "unknown value type " + Twine(id));
    type = ValueType(id);
    return true;
  }

  bool parseElements(Metadata &value) {
    uint64_t begin = at;
    if (value.type == ValueType::String) {
      StringRef text;
      for (uint64_t i = 0; i < value.count; ++i)
        if (!takeString("a string", text))
          return false;
    } else {
      uint64_t length;
      const uint8_t *data;
      if (!multiply(value.count, valueTypeBytes(value.type), length))
        return failAt(at, formatv("an array of {0} elements cannot be in a file", value.count));
      if (!take(length, value.isArray ? "an array" : "a value", data))
        return false;
      if (value.type == ValueType::Bool)
        for (uint64_t i = 0; i < length; ++i)
          if (data[i] > 1)
            return failAt(begin + i, "a bool must be 0 or 1, found " + Twine(unsigned(data[i])));
    }
    value.bytes = bytes.slice(begin, at - begin);
    return true;
  }

  bool parseTensor() {
    entry = "tensor " + std::to_string(file.tensorTable.size());
    uint64_t begin = at;
    GgufTensor tensor;
    uint32_t axes = 0;
    if (!takeString("a name", tensor.name))
      return false;
    entry = "tensor '" + tensor.name.str() + "'";
    if (!takeU32("the number of axes", axes))
      return false;
    if (axes > kMostAxes)
      return failAt(at - 4, formatv("{0} axes, at most {1} are possible", axes, kMostAxes));
    uint64_t elements = 1;
    for (uint32_t i = 0; i < axes; ++i) {
      uint64_t length = 0;
      if (!takeU64("an axis", length))
        return false;
      // Products of axes are used as int64 later on.
      if (length == 0 || !multiply(elements, length, elements) || elements > uint64_t(INT64_MAX))
        return failAt(at - 8, formatv("an axis of {0} elements is not possible", length));
      tensor.shape.insert(tensor.shape.begin(), length);
    }
    if (!takeU32("the type", tensor.type) || !takeU64("the offset", tensor.offset) || !setBytes(tensor, elements))
      return false;
    if (!file.tensorIndex.try_emplace(tensor.name, file.tensorTable.size()).second)
      return failAt(begin, "the name appears twice");
    file.tensorTable.push_back(std::move(tensor));
    entry.clear();
    return true;
  }

  bool setBytes(GgufTensor &tensor, uint64_t elements) {
    const GgufType *type = ggufTypeById(tensor.type);
    if (!type)
      return true; // reported by the builder, with all the others
    uint64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
    if (row % type->blockElements)
      return failAt(at, formatv("rows of {0} elements are not whole blocks of {1}, as {2} asks for", row,
                                type->blockElements, type->name));
    if (!multiply(elements / type->blockElements, type->blockBytes, tensor.bytes))
      return failAt(at, formatv("{0} elements cannot be in a file", elements));
    return true;
  }

  /// Turns offsets in the data section, which begins after the last tensor info, into offsets in
  /// the file.
  bool placeTensors() {
    Expected<uint64_t> alignment = file.getOr<uint64_t>("general.alignment", 32);
    if (!alignment) {
      error = toString(alignment.takeError());
      return false;
    }
    if (!isPowerOf2_64(*alignment) || *alignment > (1u << 30)) {
      error = formatv("general.alignment is {0}, not a power of two", *alignment);
      return false;
    }
    uint64_t data = alignTo(at, *alignment);
    for (GgufTensor &tensor : file.tensorTable) {
      entry = "tensor '" + tensor.name.str() + "'";
      if (tensor.offset % *alignment)
        return failAt(at, formatv("offset {0} is not a multiple of general.alignment, {1}", tensor.offset, *alignment));
      if (data > bytes.size() || tensor.offset > bytes.size() - data ||
          tensor.bytes > bytes.size() - data - tensor.offset)
        return failAt(data, formatv("{0} bytes at offset {1} of the data run past the end of the file, which has {2} "
                                    "bytes",
                                    tensor.bytes, tensor.offset, bytes.size()));
      tensor.offset += data;
    }
    return true;
  }

  ArrayRef<uint8_t> bytes;
  GgufFile &file;
  uint64_t at = 0;
  std::string entry; ///< what is being read, for messages
  std::string error;
};

GgufFile::~GgufFile() = default;

Expected<std::unique_ptr<GgufFile>> GgufFile::parse(ArrayRef<uint8_t> bytes) {
  std::unique_ptr<GgufFile> file(new GgufFile);
  file->bytes = bytes;
  if (Error error = GgufParser(bytes, *file).run())
    return std::move(error);
  return file;
}

Expected<std::unique_ptr<GgufFile>> GgufFile::open(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = mapInput(path);
  if (!buffer)
    return buffer.takeError();
  StringRef text = (*buffer)->getBuffer();
  Expected<std::unique_ptr<GgufFile>> file = parse({reinterpret_cast<const uint8_t *>(text.data()), text.size()});
  if (!file)
    return fail("'" + path + "': " + toString(file.takeError()));
  (*file)->buffer = std::move(*buffer);
  return file;
}

const GgufTensor *GgufFile::tensor(StringRef name) const {
  auto found = tensorIndex.find(name);
  return found == tensorIndex.end() ? nullptr : &tensorTable[found->second];
}

} // namespace phic::gguf
