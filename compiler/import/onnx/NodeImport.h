//===- NodeImport.h - One node, as its importer sees it --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An importer function of ImportTable.def takes a NodeImport, asks for inputs and
// attributes, and gives results. What it does not ask for is an error afterwards, so no
// input or attribute that changes a meaning can be overlooked.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_NODEIMPORT_H
#define PHIC_COMPILER_IMPORT_ONNX_NODEIMPORT_H

#include "compiler/import/onnx/GraphImporter.h"
#include "compiler/import/onnx/Values.h"
#include "compiler/import/onnx/Weights.h"

namespace phic::onnx {

class NodeImport {
public:
  NodeImport(GraphImporter &importer, const Node &node);

  const Node &node;
  GraphImporter &importer;
  mlir::OpBuilder &builder;
  Weights &weights;
  mlir::Location loc;

  // Inputs, by index. Each of the typed ones reports what it found instead.
  bool has(unsigned index) const { return index < node.inputs.size() && !node.inputs[index].empty(); }
  const Imported &input(unsigned index);
  template <typename T> const T *get(unsigned index) { return std::get_if<T>(&input(index)); }
  /// Whether the input is known as integers; constants of integer type count.
  bool isSymbolic(unsigned index);
  llvm::FailureOr<Symbolic> symbolic(unsigned index);
  /// Constant integers of any shape.
  llvm::FailureOr<std::vector<int64_t>> constants(unsigned index);
  llvm::FailureOr<RowsValue> rows(unsigned index);
  /// Activations [1, M, N] in f32.
  llvm::FailureOr<RowsValue> tokens(unsigned index);
  /// The same of all tokens, with `columns` columns if that is not 0.
  llvm::FailureOr<mlir::Value> allTokens(unsigned index, int64_t columns = 0);
  /// An initializer with bytes; of float type if asked for.
  llvm::FailureOr<TensorView> tensor(unsigned index, bool isFloat);
  /// A float vector of `length` elements as a weight.
  llvm::FailureOr<mlir::Value> vector(unsigned index, int64_t length);

  // Attributes, with ONNX's defaults.
  int64_t integer(llvm::StringRef name, int64_t absent);
  float real(llvm::StringRef name, float absent);
  std::string text(llvm::StringRef name, llvm::StringRef absent);
  std::vector<int64_t> integers(llvm::StringRef name);
  std::vector<float> reals(llvm::StringRef name);
  std::vector<std::string> texts(llvm::StringRef name);
  const Attribute *attribute(llvm::StringRef name);
  /// Attributes without influence on what the node means.
  void ignore(llvm::ArrayRef<llvm::StringRef> names);
  /// Fails unless the attribute is absent or has its neutral value.
  llvm::LogicalResult require(llvm::StringRef name, int64_t value);

  // Results.
  bool hasResult(unsigned index) const { return index < node.outputs.size() && !node.outputs[index].empty(); }
  void result(unsigned index, Imported value);
  /// Activations of the same tokens and shape as `like`.
  void rowsResult(unsigned index, mlir::Value value, const RowsValue &like);
  llvm::LogicalResult result(llvm::Expected<Symbolic> value);

  // Refusals; all return failure. Where an input comes from a node that was reported, only attributes and
  // optional inputs are: what else is wrong may follow from that.
  llvm::LogicalResult unsupported(const llvm::Twine &reason);
  llvm::LogicalResult unsupportedAttribute(llvm::StringRef name, const llvm::Twine &reason);
  llvm::LogicalResult unsupportedInput(unsigned index, const llvm::Twine &reason);
  /// Refuses those of the optional inputs from `first` that the node has, by name.
  llvm::LogicalResult refuseInputs(unsigned first, llvm::ArrayRef<llvm::StringRef> names);

  bool failed() const { return refused; }

private:
  friend class GraphImporter;
  llvm::LogicalResult refuse(const llvm::Twine &reason);
  /// Reports inputs and attributes that nothing asked for.
  void checkUse();
  std::vector<bool> usedInputs;
  std::vector<bool> usedAttributes;
  std::vector<std::optional<Imported>> results;
  bool refused = false, poisoned = false;
};

/// What a DequantizeLinear makes of a matrix in the model's file.
llvm::FailureOr<FloatWeight> dequantizedWeight(NodeImport &node);

/// Last dimension of a tensor value.
int64_t columnsOf(mlir::Value value);
/// tensor<?xNxf32>
mlir::RankedTensorType rowsType(mlir::OpBuilder &builder, int64_t columns);

// The importer functions.
#define PHIC_ONNX_OP(OP, DOMAIN, FIRST, LAST, FUNCTION) llvm::LogicalResult FUNCTION(NodeImport &node);
#include "compiler/import/onnx/ImportTable.def"

/// An op of one operand that has the same shape.
template <typename Op> llvm::LogicalResult importUnary(NodeImport &node) {
  mlir::FailureOr<RowsValue> x = node.tokens(0);
  if (llvm::failed(x))
    return llvm::failure();
  node.rowsResult(0, Op::create(node.builder, node.loc, x->value), *x);
  return llvm::success();
}

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_NODEIMPORT_H
