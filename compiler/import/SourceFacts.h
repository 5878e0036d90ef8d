//===- SourceFacts.h - What a model's files hold ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Read from the files alone, so that it is known of models that cannot be
// imported too.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_SOURCEFACTS_H
#define PHIC_COMPILER_IMPORT_SOURCEFACTS_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace phic {

/// Tensors stored alike.
struct StoredFormat {
  int64_t tensors = 0;
  uint64_t elements = 0, bytes = 0;
};

/// A dimension that has a name instead of a number.
struct SymbolicDimension {
  std::string name;
  std::vector<std::string> inputs;  ///< of the graph, that have it
};

struct SourceFacts {
  std::string kind;                           ///< "ONNX, operator set 21" or "GGUF, architecture llama"
  std::map<std::string, StoredFormat> formats;
  std::map<std::string, int64_t> ops;         ///< nodes by op; empty for GGUF, which has no graph
  std::vector<SymbolicDimension> dimensions;  ///< in the order of the inputs
  bool takesTokens = true;                    ///< is fed step by step, as far as the source tells: it has a tokenizer

  void addTensor(const std::string &format, uint64_t elements, uint64_t bytes);
  uint64_t bytes() const;
};

} // namespace phic

#endif // PHIC_COMPILER_IMPORT_SOURCEFACTS_H
