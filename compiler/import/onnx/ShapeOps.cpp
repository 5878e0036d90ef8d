//===- ShapeOps.cpp - Imports shapes and views -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reshape and its kin move no data in a decoder: on activations they change the view
// (Values.h), on initializers too, and on integers they are evaluated. Slices and splits
// of activations' columns become phiq.columns.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;

namespace phic::onnx {
namespace {

using View = RowsValue::View;

/// The shape that the graph sees.
FailureOr<std::vector<Affine>> shapeOf(NodeImport &node, const Imported &value) {
  auto constants = [](ArrayRef<int64_t> dims) {
    std::vector<Affine> shape;
    for (int64_t dim : dims)
      shape.push_back({dim});
    return shape;
  };
  if (const auto *symbolic = std::get_if<Symbolic>(&value))
    return symbolic->shape;
  if (std::holds_alternative<Ids>(value))
    return std::vector<Affine>{{1}, kSeq};
  if (const auto *view = std::get_if<TensorView>(&value))
    return view->transposed ? constants({view->dims[1], view->dims[0]}) : constants(view->dims);
  if (const auto *past = std::get_if<Past>(&value); past && past->input->dims[1] >= 0 && past->input->dims[3] >= 0)
    return std::vector<Affine>{{1}, {past->input->dims[1]}, kPast, {past->input->dims[3]}};
  const auto *rows = std::get_if<RowsValue>(&value);
  if (!rows || rows->which == RowsValue::Which::Wanted)
    return node.unsupportedInput(0, "has no shape that is known");
  Affine tokens = rows->which == RowsValue::Which::Last ? Affine{1} : kSeq;
  int64_t columns = columnsOf(rows->value);
  switch (rows->view) {
  case View::Tokens:
    return std::vector<Affine>{{1}, tokens, {columns}};
  case View::Row:
    return std::vector<Affine>{{1}, {columns}};
  case View::Heads:
    return std::vector<Affine>{{1}, tokens, {columns / rows->headDim}, {rows->headDim}};
  case View::HeadsFirst:
    return std::vector<Affine>{{1}, {columns / rows->headDim}, tokens, {rows->headDim}};
  }
  llvm_unreachable("view");
}

/// Replaces 0 (keep) and -1 (the rest) of a Reshape of activations; -1 only of columns, heads or tokens.
FailureOr<std::vector<Affine>> resolveShape(NodeImport &node, ArrayRef<Affine> from, const Symbolic &to,
                                            int64_t columns, Affine tokens) {
  std::vector<Affine> shape = to.values;
  Affine *open = nullptr;
  int64_t known = 1;
  bool hasTokens = tokens == Affine{1};
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (dim == Affine{} && i < from.size())
      dim = from[i];
    if (dim == Affine{-1} && !open) {
      open = &dim;
    } else if (dim == tokens && !hasTokens) {
      hasTokens = true;
    } else if (!dim.isConstant() || dim.constant < 1 || llvm::MulOverflow(known, dim.constant, known)) {
      return node.unsupportedInput(1, "(shape) " + to.str() + " is not supported for activations");
    }
  }
  if (open)
    *open = !hasTokens ? tokens : Affine{columns / known};
  if (open && hasTokens)
    known *= columns / known;
  if (known != columns)
    return node.unsupportedInput(1, "(shape) " + to.str() + " does not hold " + llvm::Twine(columns) + " columns");
  return shape;
}

LogicalResult reshapeRows(NodeImport &node, RowsValue rows, const Symbolic &to) {
  FailureOr<std::vector<Affine>> from = shapeOf(node, rows);
  if (llvm::failed(from))
    return failure();
  Affine tokens = rows.which == RowsValue::Which::Last ? Affine{1} : kSeq;
  FailureOr<std::vector<Affine>> shape = resolveShape(node, *from, to, columnsOf(rows.value), tokens);
  if (llvm::failed(shape))
    return failure();
  bool leads = shape->size() > 2 && (*shape)[0] == Affine{1} && (*shape)[1] == tokens && rows.view != View::HeadsFirst;
  if (leads && shape->size() == 3) {
    rows.view = View::Tokens;
    rows.headDim = 0;
  } else if (leads && shape->size() == 4) {
    rows.view = View::Heads;
    rows.headDim = (*shape)[3].constant;
  } else if (*shape != *from) {
    return node.unsupportedInput(1, "(shape) " + to.str() + " is not supported for activations");
  }
  node.result(0, rows);
  return success();
}

/// Constants with 0 (keep) and -1 (the rest) replaced.
FailureOr<std::vector<int64_t>> resolveShape(NodeImport &node, ArrayRef<int64_t> from, int64_t elements,
                                             ArrayRef<int64_t> to) {
  int64_t known = 1, *open = nullptr;
  std::vector<int64_t> dims = to.vec();
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (dim == 0 && i < from.size())
      dim = from[i];
    if (dim == -1 && !open)
      open = &dim;
    else if (dim < 0 || llvm::MulOverflow(known, dim, known))
      return node.unsupportedInput(1, "(shape) is invalid");
  }
  if (open)
    *open = known ? elements / known : 0;
  if (known * (open ? *open : 1) != elements)
    return node.unsupportedInput(1, "(shape) does not hold " + llvm::Twine(elements) + " elements");
  return dims;
}

LogicalResult reshapeTensor(NodeImport &node, TensorView view, ArrayRef<int64_t> to) {
  if (view.transposed)
    return node.unsupportedInput(0, "is transposed, which is not supported");
  FailureOr<std::vector<int64_t>> dims = resolveShape(node, view.dims, view.tensor->elements(), to);
  if (llvm::failed(dims))
    return failure();
  view.dims = *dims;
  node.result(0, view);
  return success();
}

/// Columns [begin, begin + count) of activations, into output `index`.
LogicalResult takeColumns(NodeImport &node, const RowsValue &rows, unsigned index, int64_t begin, int64_t count) {
  if (begin < 0 || count < 1 || count > columnsOf(rows.value) - begin)
    return node.unsupported("takes columns " + llvm::Twine(begin) + " to " + llvm::Twine(begin + count) + " of " +
                            llvm::Twine(columnsOf(rows.value)));
  auto type = rowsType(node.builder, count);
  node.rowsResult(index, phiq::ColumnsOp::create(node.builder, node.loc, type, rows.value, begin), rows);
  return success();
}

/// One number of an optional input of Slice.
FailureOr<int64_t> sliceNumber(NodeImport &node, unsigned input, int64_t absent) {
  if (!node.has(input))
    return absent;
  FailureOr<std::vector<int64_t>> numbers = node.constants(input);
  if (llvm::failed(numbers))
    return failure();
  if (numbers->size() != 1)
    return node.unsupportedInput(input, "must be one number, found " + llvm::Twine(numbers->size()));
  return numbers->front();
}

} // namespace

LogicalResult importShape(NodeImport &node) {
  FailureOr<std::vector<Affine>> shape = shapeOf(node, node.input(0));
  if (llvm::failed(shape))
    return failure();
  return node.result(symbolicShape(*shape, node.integer("start", 0), node.integer("end", INT64_MAX)));
}

LogicalResult importReshape(NodeImport &node) {
  if (llvm::failed(node.require("allowzero", 0)))
    return failure();
  FailureOr<Symbolic> to = node.symbolic(1);
  if (llvm::failed(to))
    return failure();
  if (to->kind != Symbolic::Kind::Values || to->shape.size() != 1 || to->values.size() > 8)
    return node.unsupportedInput(1, "(shape) must be a short vector, found " + to->str());
  if (const auto *rows = node.get<RowsValue>(0))
    return reshapeRows(node, *rows, *to);
  if (node.isSymbolic(0)) {
    FailureOr<Symbolic> x = node.symbolic(0);
    return llvm::failed(x) ? failure() : node.result(symbolicReshape(*x, *to));
  }
  const auto *view = node.get<TensorView>(0);
  if (!view)
    return node.unsupportedInput(0, "cannot be reshaped");
  FailureOr<std::vector<int64_t>> dims = node.constants(1);
  return llvm::failed(dims) ? failure() : reshapeTensor(node, *view, *dims);
}

LogicalResult importTranspose(NodeImport &node) {
  std::vector<int64_t> perm = node.integers("perm");
  bool exchanges = perm.empty() || perm == std::vector<int64_t>{1, 0};
  if (const auto *view = node.get<TensorView>(0); view && view->dims.size() == 2 && exchanges) {
    TensorView result = *view;
    result.transposed = !result.transposed;
    node.result(0, result);
    return success();
  }
  if (const auto *weight = node.get<FloatWeight>(0); weight && exchanges) {
    node.result(0, FloatWeight{weight->value, !weight->transposed});
    return success();
  }
  const auto *rows = node.get<RowsValue>(0);
  bool isHeads = rows && (rows->view == View::Heads || rows->view == View::HeadsFirst);
  if (!isHeads || perm != std::vector<int64_t>{0, 2, 1, 3})
    return node.unsupportedInput(0, "cannot be transposed: only weights (perm 1, 0) and heads (perm 0, 2, 1, 3) can");
  RowsValue result = *rows;
  result.view = rows->view == View::Heads ? View::HeadsFirst : View::Heads;
  node.result(0, result);
  return success();
}

/// Of activations: only the axis that picking the last token removed.
LogicalResult importUnsqueeze(NodeImport &node) {
  FailureOr<std::vector<int64_t>> axes = node.constants(1);
  if (llvm::failed(axes))
    return failure();
  if (node.isSymbolic(0)) {
    FailureOr<Symbolic> x = node.symbolic(0);
    return llvm::failed(x) ? failure() : node.result(symbolicUnsqueeze(*x, *axes));
  }
  const auto *rows = node.get<RowsValue>(0);
  bool restores = rows && rows->view == View::Row && axes->size() == 1 && (axes->front() == 1 || axes->front() == -2);
  if (!restores)
    return node.unsupportedInput(0, "cannot be unsqueezed");
  node.result(0, RowsValue{rows->value, View::Tokens, rows->which});
  return success();
}

LogicalResult importSqueeze(NodeImport &node) {
  std::vector<int64_t> axes;
  if (node.has(1)) {
    FailureOr<std::vector<int64_t>> given = node.constants(1);
    if (llvm::failed(given))
      return failure();
    axes = *given;
  }
  if (node.isSymbolic(0)) {
    FailureOr<Symbolic> x = node.symbolic(0);
    return llvm::failed(x) ? failure() : node.result(symbolicSqueeze(*x, axes));
  }
  const auto *rows = node.get<RowsValue>(0);
  bool removes = rows && rows->view == View::Tokens && rows->which == RowsValue::Which::Last && axes.size() == 1 &&
                 (axes[0] == 1 || axes[0] == -2);
  if (!removes)
    return node.unsupportedInput(0, "cannot be squeezed");
  node.result(0, RowsValue{rows->value, View::Row, rows->which});
  return success();
}

LogicalResult importConcat(NodeImport &node) {
  if (int64_t axis = node.integer("axis", 0); axis != 0 && axis != -1)
    return node.unsupportedAttribute("axis", "must be 0 for lengths and shapes, found " + llvm::Twine(axis));
  SmallVector<Symbolic> parts;
  for (unsigned i = 0; i < node.node.inputs.size(); ++i) {
    FailureOr<Symbolic> part = node.symbolic(i);
    if (llvm::failed(part))
      return failure();
    parts.push_back(*part);
  }
  return node.result(symbolicConcat(parts));
}

LogicalResult importSlice(NodeImport &node) {
  FailureOr<int64_t> start = sliceNumber(node, 1, 0), end = sliceNumber(node, 2, INT64_MAX);
  FailureOr<int64_t> axis = sliceNumber(node, 3, 0), step = sliceNumber(node, 4, 1);
  if (llvm::failed(start) || llvm::failed(end) || llvm::failed(axis) || llvm::failed(step))
    return failure();
  if (*step != 1)
    return node.unsupportedInput(4, "(steps) must be 1, found " + llvm::Twine(*step));
  if (node.isSymbolic(0)) {
    FailureOr<Symbolic> x = node.symbolic(0);
    return llvm::failed(x) ? failure() : node.result(symbolicSlice(*x, *start, *end));
  }
  FailureOr<RowsValue> rows = node.tokens(0);
  if (llvm::failed(rows))
    return failure();
  if (*axis != 2 && *axis != -1)
    return node.unsupportedInput(3, "(axes) must be the columns (-1), found " + llvm::Twine(*axis));
  int64_t columns = columnsOf(rows->value);
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + columns : at, 0, columns); };
  return takeColumns(node, *rows, 0, clamp(*start), clamp(*end) - clamp(*start));
}

LogicalResult importSplit(NodeImport &node) {
  FailureOr<RowsValue> rows = node.tokens(0);
  if (llvm::failed(rows))
    return failure();
  if (int64_t axis = node.integer("axis", 0); axis != 2 && axis != -1)
    return node.unsupportedAttribute("axis", "must be the columns (-1), found " + llvm::Twine(axis));
  node.ignore({"num_outputs"}); // as many as the node has
  int64_t count = int64_t(node.node.outputs.size()), columns = columnsOf(rows->value);
  std::vector<int64_t> sizes(count, llvm::divideCeil(columns, std::max<int64_t>(count, 1)));
  if (node.has(1)) {
    FailureOr<std::vector<int64_t>> given = node.constants(1);
    if (llvm::failed(given))
      return failure();
    sizes = *given;
  } else if (count) {
    sizes.back() = columns - sizes.front() * (count - 1);
  }
  if (int64_t(sizes.size()) != count)
    return node.unsupportedInput(1, "must have a size for each output");
  int64_t begin = 0;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (llvm::failed(takeColumns(node, *rows, i, begin, size)))
      return failure();
    begin += size;
  }
  return success();
}

LogicalResult importRange(NodeImport &node) {
  FailureOr<Symbolic> start = node.symbolic(0), limit = node.symbolic(1), delta = node.symbolic(2);
  if (llvm::failed(start) || llvm::failed(limit) || llvm::failed(delta))
    return failure();
  return node.result(symbolicRange(*start, *limit, *delta));
}

/// ReduceSum and ReduceMax of masks and positions; axes are an input, of old an attribute.
LogicalResult importReduce(NodeImport &node) {
  bool keepDims = node.integer("keepdims", 1);
  std::vector<int64_t> axes = node.integers("axes");
  FailureOr<Symbolic> x = node.symbolic(0);
  if (llvm::failed(x) || llvm::failed(node.require("noop_with_empty_axes", 0)))
    return failure();
  if (node.has(1)) {
    FailureOr<std::vector<int64_t>> given = node.constants(1);
    if (llvm::failed(given))
      return failure();
    axes = *given;
  }
  return node.result(node.node.op == "ReduceSum" ? symbolicReduceSum(*x, axes, keepDims)
                                                 : symbolicReduceMax(*x, axes, keepDims));
}

} // namespace phic::onnx
