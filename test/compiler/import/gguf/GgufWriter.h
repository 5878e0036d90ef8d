//===- GgufWriter.h - Small GGUF files for tests ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the bytes of a GGUF file, also of a damaged one: nothing is checked.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_COMPILER_IMPORT_GGUF_GGUFWRITER_H
#define PHIC_TEST_COMPILER_IMPORT_GGUF_GGUFWRITER_H

#include "compiler/import/gguf/GgufReader.h"
#include "dialects/phiq/Formats.h"
#include <bit>
#include <cstring>
#include <string>
#include <vector>

namespace phic::gguf {

class GgufWriter {
public:
  using Type = ValueType;

  GgufWriter &u32(const std::string &key, uint32_t value) { return put(key, Type::U32, little(value)); }
  GgufWriter &f32(const std::string &key, float value) { return put(key, Type::F32, little(value)); }
  GgufWriter &boolean(const std::string &key, bool value) { return put(key, Type::Bool, std::string(1, char(value))); }
  GgufWriter &string(const std::string &key, const std::string &value) { return put(key, Type::String, text(value)); }
  template <typename T> GgufWriter &array(const std::string &key, Type type, const std::vector<T> &values) {
    std::string bytes = little(uint32_t(type)) + little(uint64_t(values.size()));
    for (const T &value : values)
      bytes += little(value);
    return put(key, Type::Array, bytes);
  }
  GgufWriter &strings(const std::string &key, const std::vector<std::string> &values) {
    std::string bytes = little(uint32_t(Type::String)) + little(uint64_t(values.size()));
    for (const std::string &value : values)
      bytes += text(value);
    return put(key, Type::Array, bytes);
  }
  /// A key whose value's bytes are given as they are.
  GgufWriter &put(const std::string &key, Type type, const std::string &bytes) {
    keys += text(key) + little(uint32_t(type)) + bytes;
    ++keyCount;
    return *this;
  }

  /// A tensor of zeros of a type by id; `shape` slowest axis first.
  GgufWriter &tensor(const std::string &name, uint32_t type, const std::vector<uint64_t> &shape) {
    uint64_t elements = 1;
    for (uint64_t axis : shape)
      elements *= axis;
    const GgufType *row = ggufTypeById(type);
    uint64_t bytes = row ? elements / row->blockElements * row->blockBytes : elements;
    tensorInfo(name, type, shape, data.size());
    data.resize((data.size() + bytes + 31) / 32 * 32);
    return *this;
  }
  /// A vector of F32 with these numbers.
  GgufWriter &floats(const std::string &name, const std::vector<float> &values) {
    tensorInfo(name, 0, {values.size()}, data.size());
    for (float value : values)
      data += little(value);
    data.resize((data.size() + 31) / 32 * 32);
    return *this;
  }
  GgufWriter &tensorInfo(const std::string &name, uint32_t type, const std::vector<uint64_t> &shape, uint64_t offset) {
    infos += text(name) + little(uint32_t(shape.size()));
    for (size_t i = shape.size(); i > 0; --i)
      infos += little(shape[i - 1]);
    infos += little(type) + little(offset);
    ++tensorCount;
    return *this;
  }

  std::string bytes() const {
    std::string file = "GGUF" + little(uint32_t(3)) + little(tensorCount) + little(keyCount) + keys + infos;
    file.resize((file.size() + 31) / 32 * 32);
    return file + data;
  }

  template <typename T> static std::string little(T value) {
    static_assert(std::endian::native == std::endian::little);
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }
  static std::string text(const std::string &value) { return little(uint64_t(value.size())) + value; }

  uint64_t keyCount = 0, tensorCount = 0;

private:
  std::string keys, infos, data;
};

} // namespace phic::gguf

#endif // PHIC_TEST_COMPILER_IMPORT_GGUF_GGUFWRITER_H
