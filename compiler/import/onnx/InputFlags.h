//===- InputFlags.h - Flags held against a graph's inputs ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     x: float[batch, 3, h, w], sr: int64        --dim batch=1 --shape x=1x3x320x320 --const sr=16000
//  becomes
//     x: float[1, 3, 320, 320]; sr is a tensor known at import
//
// A shape also gives sizes to the names that its input has for them. What does not fit together, and every size that nobody
// gives, is refused with the flags that say it, all at once.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_INPUTFLAGS_H
#define PHIC_COMPILER_IMPORT_ONNX_INPUTFLAGS_H

#include "compiler/files/InputFiles.h"
#include "compiler/import/InputSettings.h"
#include "compiler/import/onnx/Graph.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <functional>

namespace phic::onnx {

class InputFlags {
public:
  /// Told of what is wrong with the flags of an input; of a name that is none of the graph's with an empty one.
  using Refuse = std::function<void(llvm::StringRef input, const llvm::Twine &reason)>;

  InputFlags(const Graph &graph, const InputSettings &settings, Refuse tell);

  /// Whether they say anything that cannot be; what follows from it is of no use then.
  bool areWrong() const { return wrong; }
  /// All sizes; nothing after a refusal for each that is not known.
  std::optional<std::vector<int64_t>> shapeOf(const ValueInfo &input) const;
  /// Whether --const names the input.
  bool isConstant(llvm::StringRef input) const { return constants.count(input); }
  /// What --const makes of it; nothing after a refusal. `inputs`, where given, is told of a file that is read.
  std::optional<Tensor> constantOf(const ValueInfo &input, InputFiles *inputs) const;
  /// By input, the output that it is in the next run.
  const llvm::StringMap<std::string> &states() const { return stateOf; }

private:
  struct Size {
    int64_t size;
    std::string flag; ///< that gives it
  };
  void readShapes();
  void readDimensions();
  void readConstants();
  void readStates();
  const ValueInfo *find(const std::vector<ValueInfo> &infos, llvm::StringRef name) const;
  void refuse(llvm::StringRef input, const llvm::Twine &reason);
  bool isInput(llvm::StringRef flag, llvm::StringRef name);
  /// The sizes that are known, -1 for others; nothing where not even their number is.
  std::optional<std::vector<int64_t>> sizesOf(const ValueInfo &input) const;
  std::optional<Tensor> given(const ValueInfo &input, llvm::Expected<Tensor> tensor) const;

  const Graph &graph;
  const InputSettings &settings;
  Refuse tell;
  llvm::StringMap<std::vector<int64_t>> shapes;
  llvm::StringMap<Size> dimensions;
  llvm::StringMap<std::string> constants, stateOf;
  bool wrong = false;
};

/// The elements that `text` lists, as many as the shape says, or one that counts for all of them; of a vector of -1, as many as
/// there are. An error says what is wrong with them.
llvm::Expected<Tensor> parseConstant(const ValueInfo &input, std::vector<int64_t> shape, llvm::StringRef text);
/// The array in a .npy file, of the sizes that are known: -1 is any, nothing any shape.
llvm::Expected<Tensor> readConstant(const ValueInfo &input, std::optional<llvm::ArrayRef<int64_t>> sizes,
                                    const std::string &path);

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_INPUTFLAGS_H
