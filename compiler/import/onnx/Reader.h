//===- Reader.h - Reads .onnx files, untrusted -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the bytes of a model to a checked Graph. Every range it hands out lies in its
// file, every tensor with bytes has as many as its shape and type ask for, and no
// external file lies outside the model's folder.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_READER_H
#define PHIC_COMPILER_IMPORT_ONNX_READER_H

#include "compiler/import/onnx/Graph.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>

namespace phic::onnx {

class Model {
public:
  /// Reads `folder`/`fileName`.
  static llvm::Expected<Model> read(llvm::StringRef folder, llvm::StringRef fileName);
  /// The same from memory; external data is looked for in `folder`.
  static llvm::Expected<Model> parse(std::unique_ptr<llvm::MemoryBuffer> bytes, llvm::StringRef folder,
                                     llvm::StringRef fileName);

  const Graph &graph() const { return root; }
  /// Version of the operator set `domain`, 0 if the model does not import it; that of com.microsoft is 1 then.
  int64_t opset(llvm::StringRef domain) const;
  /// Relative to the folder; the .onnx itself is the first.
  const std::vector<std::string> &files() const { return names; }
  llvm::ArrayRef<uint8_t> bytes(const ByteRange &range) const;
  /// A tensor's elements as they lie in a file; empty for types that phic does not know the size of.
  llvm::ArrayRef<uint8_t> bytes(const Tensor &tensor) const;
  /// The elements of a tensor of integers or booleans, exact, wherever it is stored (uint64 modulo 2^64); nothing for
  /// other types.
  std::optional<std::vector<int64_t>> integers(const Tensor &tensor) const;
  /// The elements of a tensor of floats, integers or booleans; nothing for other types. 64-bit integers are rounded.
  std::optional<std::vector<double>> numbers(const Tensor &tensor) const;

private:
  friend class ProtoReader;
  Graph root;
  std::map<std::string, int64_t, std::less<>> opsets;
  std::vector<std::string> names;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> buffers;
};

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_READER_H
