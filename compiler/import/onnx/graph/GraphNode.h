//===- GraphNode.h - A node of a graph on static shapes --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What importers of GraphTable.def are given beside NodeImport: every value is a tensor of static shape (`Ranked`), and
// what depends on constants alone is a `phiq.constant` at once. Importing is shape inference: an importer makes its
// result's type from its operands' types and from constants.
//
//     LogicalResult graph::importFlatten(NodeImport &node) {
//       FailureOr<Value> x = tensorOf(node, 0);
//       ...
//       return give(node, make<phiq::ReshapeOp>(node, typeOf(*x, {outer, inner}), *x));
//     }
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPH_GRAPHNODE_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPH_GRAPHNODE_H

#include "compiler/import/onnx/NodeImport.h"
#include "dialects/phiq/Grid.h"

namespace phic::onnx::graph {

using llvm::ArrayRef;
using llvm::FailureOr;
using llvm::LogicalResult;
using llvm::StringRef;
using mlir::RankedTensorType;
using mlir::Type;
using mlir::Value;

/// An input as a tensor: one that a node makes, or an initializer.
FailureOr<Value> tensorOf(NodeImport &node, unsigned index);
/// The same of floats.
FailureOr<Value> floatsOf(NodeImport &node, unsigned index);
/// An initializer whose bytes lie in the model's files as they are, not transposed; null for anything else.
const TensorView *storedTensor(NodeImport &node, unsigned index);
/// An initializer of 8-bit integers in the model's file, of two axes or more, which can stay codes where it is dequantized; null for
/// anything else.
const TensorView *storedCodes(NodeImport &node, unsigned index);
/// What a branch gives, as a tensor; null where it is none, or of a type that graphs do not compute with.
Value tensorOf(NodeImport &node, const Imported &imported);
/// Integers that are known when importing: axes, sizes, pads. A scalar is a list of one.
FailureOr<std::vector<int64_t>> integersOf(NodeImport &node, unsigned index);
/// "; --const=NAME=VALUE gives it" of an input of the graph that is to be known, else nothing.
std::string howToKnow(NodeImport &node, unsigned index, Value x);
/// Numbers of any type that are known when importing; null where they are not.
phiq::ConstantOp constantOf(Value value);
/// The element type of a graph; null for those that grids have not.
Type elementOf(mlir::Builder &builder, ElementType type);

/// Of x's element type, or of another.
RankedTensorType typeOf(Value x, ArrayRef<int64_t> shape);
RankedTensorType typeOf(Type element, ArrayRef<int64_t> shape);
/// `axis` counted from the front, of `rank` axes; fails where there is none. `what`: the attribute or input.
FailureOr<int64_t> axisOf(NodeImport &node, int64_t axis, int64_t rank, StringRef what = "axis");
/// Input 0 and the axis of it that the attribute `axis` names.
struct AlongAxis {
  Value x;
  int64_t axis;
};
FailureOr<AlongAxis> alongAxis(NodeImport &node, int64_t absent);
/// The shape that ONNX broadcasts operands to.
FailureOr<llvm::SmallVector<int64_t>> broadcastShape(NodeImport &node, mlir::ValueRange operands);

Value constant(NodeImport &node, const Rows &numbers, RankedTensorType type);
/// One number of a type that grids have, of rank 0.
Value scalar(NodeImport &node, double number, Type element);
/// int64 [n]
Value integerVector(NodeImport &node, ArrayRef<int64_t> numbers);

/// The result of an op just made: where all operands are constants, or it has no elements, the constant that it is, unless that
/// would be large.
Value folded(NodeImport &node, mlir::Operation *op);

template <typename Op, typename... Arguments>
Value make(NodeImport &node, RankedTensorType type, Arguments &&...arguments) {
  return folded(node, Op::create(node.builder, node.loc, type, std::forward<Arguments>(arguments)...));
}

/// x in another shape, or as it is where it has that.
Value reshape(NodeImport &node, Value x, ArrayRef<int64_t> shape);

/// phiq.map of operands, broadcast together.
FailureOr<Value> map(NodeImport &node, phiq::MapFunction function, mlir::ValueRange operands, Type element = {});

/// Tensors one behind the other along an axis (MoveOps.cpp).
FailureOr<Value> concatenated(NodeImport &node, mlir::ValueRange xs, int64_t axis);

LogicalResult give(NodeImport &node, FailureOr<Value> value, unsigned result = 0);

// The importer functions.
#define PHIC_GRAPH_OP(OP, DOMAIN, FIRST, LAST, FUNCTION) LogicalResult FUNCTION(NodeImport &node);
#include "compiler/import/onnx/graph/GraphTable.def"

/// An operator that is one function of its inputs.
LogicalResult importMap(NodeImport &node, phiq::MapFunction function);
template <phiq::MapFunction function> LogicalResult importMapOf(NodeImport &node) { return importMap(node, function); }

} // namespace phic::onnx::graph

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPH_GRAPHNODE_H
