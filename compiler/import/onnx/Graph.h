//===- Graph.h - An ONNX graph as plain structs ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the importer needs of an ONNX model, checked and free of protobuf: only
// Reader.cpp sees the generated classes. A tensor's data is a byte range of one of
// the model's files; only what lies there as a list of numbers (int64_data) is copied.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPH_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPH_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace phic::onnx {

/// ONNX's TensorProto.DataType numbers.
enum class ElementType : int32_t {
  Undefined = 0,
  F32 = 1,
  U8 = 2,
  I8 = 3,
  U16 = 4,
  I16 = 5,
  I32 = 6,
  I64 = 7,
  String = 8,
  Bool = 9,
  F16 = 10,
  F64 = 11,
  U32 = 12,
  U64 = 13,
  BF16 = 16,
  U4 = 21,
  I4 = 22,
};
/// 0 for types phic does not know the size of.
unsigned elementBits(ElementType type);
std::string elementTypeName(ElementType type);

/// Part of the `file`th of Model::files(), inside its bounds.
struct ByteRange {
  uint32_t file = 0;
  uint64_t offset = 0, length = 0;
};

struct Tensor {
  std::string name;
  ElementType type = ElementType::Undefined;
  std::vector<int64_t> dims;
  std::optional<ByteRange> bytes; ///< where the data lies; absent: in `own`, or it is of a type phic does not read
  std::vector<uint8_t> own;       ///< as they would lie in a file: little endian, of 4 bits the low nibble first

  /// Product of dims; they are checked not to overflow.
  int64_t elements() const;
  /// Adds an element to `own`, or two of 4 bits.
  void append(uint64_t pattern);
};

/// The type and shape that a graph declares for an input or output; -1: not a number.
struct ValueInfo {
  std::string name;
  ElementType type = ElementType::Undefined; ///< of what is no tensor, too
  bool hasShape = false;
  std::vector<int64_t> dims;
  std::vector<std::string> symbols; ///< one a dim: its name in the model, empty where it is a number
};

struct Graph;

struct Attribute {
  enum class Kind : uint8_t { Integer, Real, Text, Integers, Reals, Texts, Tensor, SparseTensor, Graph, Other };
  std::string name;
  Kind kind = Kind::Other;
  int64_t integer = 0;
  float real = 0;
  std::string text;
  std::vector<int64_t> integers;
  std::vector<float> reals;
  std::vector<std::string> texts;
  std::shared_ptr<const Tensor> tensor;
  std::shared_ptr<const Graph> graph;
};

struct Node {
  std::string name;    ///< never empty: the first output's name where the model gives none
  std::string op, domain;
  std::vector<std::string> inputs, outputs;
  std::vector<Attribute> attributes;

  const Attribute *attribute(std::string_view name) const;
};

struct Graph {
  std::vector<ValueInfo> inputs, outputs;
  std::vector<Tensor> initializers;
  std::vector<Node> nodes;
};

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPH_H
