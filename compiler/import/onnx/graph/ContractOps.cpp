//===- ContractOps.cpp - Imports matmuls -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/PackedCodes.h"
#include "compiler/import/onnx/graph/Contractions.h"
#include "compiler/import/onnx/graph/WindowNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;

using Sizes = SmallVector<int64_t>;

/// What phiq.contract multiplies, and what the result's shape is in ONNX.
struct Product {
  Value x, w;
  Sizes contracted, shape;
  bool isBatched = false;

  Value multiply(NodeImport &node, Type element, Value xZero, Value wZero) const {
    const DenseI64ArrayAttr none;
    Value y = make<phiq::ContractOp>(node, typeOf(element, contracted), x, w, xZero, wZero, none, none, none, none,
                                     isBatched ? node.builder.getUnitAttr() : UnitAttr());
    return contracted == shape ? y : reshape(node, y, shape);
  }
  int64_t columns() const { return contracted.back(); }
};

LogicalResult checkK(NodeImport &node, unsigned index, int64_t found, int64_t K) {
  return found == K ? success()
                    : node.unsupportedInput(index, "must have K = " + llvm::Twine(K) + ", found " + llvm::Twine(found));
}

/// Whether x is codes that the graph dequantizes: what their values are is not to be rounded again.
bool isDequantized(Value x) {
  while (isa_and_nonnull<phiq::ReshapeOp, phiq::PermuteOp, phiq::SliceOp>(x.getDefiningOp()))
    x = x.getDefiningOp()->getOperand(0);
  auto map = x.getDefiningOp<phiq::MapOp>();
  return map && map.getFunction() == MapFunction::Dequantize;
}

/// The weight [N, K] that input 1 is, in blocks along K, for floats x; null: it is none.
Value blocksFor(NodeImport &node, Value x, bool transposed) {
  const auto *of = node.get<DequantizedTensor>(1);
  if (!of || !of->inBlocks || of->inBlocks->transposed == transposed || !elementTypeOf(x).isF32() || isDequantized(x))
    return {};
  return of->inBlocks->value.getDefiningOp<phiq::DequantizeOp>().getX();
}

/// Input 0 by a weight in blocks, which is multiplied as decoders' are, by rows.
FailureOr<Value> byBlocks(NodeImport &node, Value x, Value w) {
  Sizes shape(shapeOf(x));
  const int64_t N = shapeOf(w)[0], K = shapeOf(w)[1];
  if (shape.empty() || shape.back() != K)
    return node.unsupportedInput(0, "must have rows of K = " + llvm::Twine(K));
  const int64_t rows = ShapedType::getNumElements(ArrayRef(shape).drop_back());
  shape.back() = N;
  Value flat = reshape(node, x, {rows, K});
  return reshape(node, make<phiq::MatmulOp>(node, typeOf(x, {rows, N}), flat, w, phiq::ComputeModeAttr()), shape);
}

/// x times a matrix: all of x's axes but the last are rows.
FailureOr<Product> withMatrix(NodeImport &node, Value x, unsigned wIndex, bool transposed) {
  FailureOr<Factor> w = rowsOf(node, wIndex, transposed);
  if (llvm::failed(w) || llvm::failed(checkK(node, wIndex, w->shape[1], shapeOf(x).back())))
    return failure();
  Product product{x, w->value, Sizes(shapeOf(x)), {}};
  product.contracted.back() = w->shape[0];
  product.shape = product.contracted;
  return product;
}

FailureOr<Sizes> broadcastAxes(NodeImport &node, ArrayRef<int64_t> x, ArrayRef<int64_t> y) {
  if (x.size() < y.size())
    std::swap(x, y);
  Sizes shape(x);
  for (auto [size, other] : llvm::zip(llvm::reverse(shape), llvm::reverse(y))) {
    if (size != other && size != 1 && other != 1)
      return node.unsupported("its inputs do not broadcast: " + llvm::Twine(size) + " against " + llvm::Twine(other));
    size = size == 1 ? other : size;
  }
  return shape;
}

/// x with `batch` in place of the axes before its last two.
Value broadcastTo(NodeImport &node, Value x, ArrayRef<int64_t> batch) {
  Sizes shape(batch);
  llvm::append_range(shape, shapeOf(x).take_back(2));
  return shapeOf(x) == ArrayRef(shape) ? x : make<phiq::BroadcastOp>(node, typeOf(x, shape), x);
}

/// x [.., M, K] times w [.., K, N], whose axes before broadcast to each other.
FailureOr<Product> batched(NodeImport &node, Value x, Value w, unsigned wIndex) {
  if (llvm::failed(checkK(node, wIndex, shapeOf(w).drop_back().back(), shapeOf(x).back())))
    return failure();
  Sizes order = llvm::to_vector(llvm::seq<int64_t>(0, int64_t(shapeOf(w).size())));
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  Value rows = inOrder(node, w, order);
  FailureOr<Sizes> batch = broadcastAxes(node, shapeOf(x).drop_back(2), shapeOf(rows).drop_back(2));
  if (llvm::failed(batch))
    return failure();
  Product product{broadcastTo(node, x, *batch), broadcastTo(node, rows, *batch), *batch, {}, true};
  product.contracted.append({shapeOf(x).drop_back().back(), shapeOf(rows).drop_back().back()});
  product.shape = product.contracted;
  return product;
}

/// As ONNX's MatMul: an operand of one axis is a row, or a column, and that axis is none of the result's.
FailureOr<Product> read(NodeImport &node, unsigned xIndex, unsigned wIndex) {
  FailureOr<Value> x = tensorOf(node, xIndex);
  if (llvm::failed(x))
    return failure();
  const bool isRow = shapeOf(*x).size() == 1;
  if (shapeOf(*x).empty())
    return node.unsupportedInput(xIndex, "must have an axis");
  if (isRow)
    x = reshape(node, *x, {1, shapeOf(*x)[0]});
  size_t rank = 0; // of what lies in the model's file
  if (const auto *view = node.get<TensorView>(wIndex))
    rank = view->dims.size();
  else if (const auto *of = node.get<DequantizedTensor>(wIndex))
    rank = of->codes.dims.size();
  bool isColumn = false;
  FailureOr<Product> product = failure();
  if (rank == 2) {
    product = withMatrix(node, *x, wIndex, /*transposed=*/false);
  } else {
    FailureOr<Value> w = tensorOf(node, wIndex);
    if (llvm::failed(w))
      return failure();
    if (shapeOf(*w).empty())
      return node.unsupportedInput(wIndex, "must have an axis");
    isColumn = shapeOf(*w).size() == 1;
    if (isColumn)
      w = reshape(node, *w, {shapeOf(*w)[0], 1});
    product = shapeOf(*w).size() == 2 && !isColumn ? withMatrix(node, *x, wIndex, /*transposed=*/false)
                                                   : batched(node, *x, *w, wIndex);
  }
  if (llvm::failed(product))
    return failure();
  if (isColumn)
    product->shape.pop_back();
  if (isRow)
    product->shape.erase(product->shape.end() - (isColumn ? 1 : 2));
  return product;
}

/// `factor` times x, where it is not 1.
FailureOr<Value> scaled(NodeImport &node, StringRef name, Value x) {
  const float factor = node.real(name, 1);
  return factor == 1 ? FailureOr<Value>(x)
                     : map(node, MapFunction::Multiply, {x, scalar(node, factor, node.builder.getF32Type())});
}

/// The product of codes as integers, by the zero points that those inputs are.
FailureOr<Value> sumsOf(NodeImport &node, FailureOr<Product> product, unsigned xZeroIndex, unsigned wZeroIndex) {
  if (llvm::failed(product))
    return failure();
  FailureOr<Value> xZero = zeroPointOf(node, xZeroIndex, product->x, 1),
                   wZero = zeroPointOf(node, wZeroIndex, product->w, product->columns());
  if (llvm::failed(xZero) || llvm::failed(wZero))
    return failure();
  return product->multiply(node, node.builder.getI32Type(), *xZero, *wZero);
}

FailureOr<Value> floatProduct(NodeImport &node, FailureOr<Product> product) {
  if (llvm::failed(product))
    return failure();
  if (!elementTypeOf(product->x).isF32() || !elementTypeOf(product->w).isF32())
    return node.unsupported("its inputs must be floats");
  return product->multiply(node, node.builder.getF32Type(), {}, {});
}

} // namespace

LogicalResult importGemm(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::failed(x))
    return failure();
  if (shapeOf(*x).size() != 2)
    return node.unsupportedInput(0, "must be a matrix");
  if (node.integer("transA", 0) != 0)
    x = inOrder(node, *x, {1, 0});
  const bool transposed = node.integer("transB", 0) != 0;
  Value blocks = blocksFor(node, *x, transposed);
  FailureOr<Value> y = blocks ? byBlocks(node, *x, blocks) : floatProduct(node, withMatrix(node, *x, 1, transposed));
  if (llvm::succeeded(y))
    y = scaled(node, "alpha", *y);
  const float beta = node.real("beta", 1);
  if (llvm::failed(y) || !node.has(2) || beta == 0)
    return give(node, y);
  FailureOr<Value> c = floatsOf(node, 2);
  if (llvm::succeeded(c))
    c = scaled(node, "beta", *c);
  return llvm::failed(c) ? failure() : give(node, map(node, MapFunction::Add, {*y, *c}));
}

LogicalResult importMatMul(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  if (Value blocks = blocksFor(node, *x, /*transposed=*/false))
    return give(node, byBlocks(node, *x, blocks));
  return give(node, floatProduct(node, read(node, 0, 1)));
}

/// Of com.microsoft.
LogicalResult importMatMulNBits(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0), w = weightOfNBits(node);
  if (llvm::failed(x) || llvm::failed(w))
    return failure();
  FailureOr<Value> y = byBlocks(node, *x, *w);
  if (llvm::succeeded(y) && node.has(5)) {
    FailureOr<Value> bias = floatsOf(node, 5);
    y = llvm::failed(bias) ? bias : map(node, MapFunction::Add, {*y, *bias});
  }
  return give(node, y);
}

LogicalResult importMatMulInteger(NodeImport &node) { return give(node, sumsOf(node, read(node, 0, 1), 2, 3)); }

/// Of com.microsoft: Gemm of codes, with a bias in steps of both scales; floats where no scale of the result is given.
LogicalResult importQGemm(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  if (shapeOf(*x).size() != 2)
    return node.unsupportedInput(0, "must be a matrix");
  if (float alpha = node.real("alpha", 1); alpha != 1)
    return node.unsupportedAttribute("alpha", "must be 1, found " + llvm::Twine(std::to_string(alpha)));
  if (!node.has(7))
    return node.unsupported("it makes floats; codes, with inputs 7 and 8, are supported");
  if (node.integer("transA", 0) != 0)
    x = inOrder(node, *x, {1, 0});
  FailureOr<Value> sums = sumsOf(node, withMatrix(node, *x, 3, node.integer("transB", 0) != 0), 2, 5);
  if (llvm::succeeded(sums) && node.has(6)) {
    FailureOr<Value> bias = tensorOf(node, 6);
    sums = llvm::failed(bias) ? bias : map(node, MapFunction::Add, {*sums, *bias});
  }
  return llvm::failed(sums) ? failure() : give(node, requantized(node, *sums, {1, 4, 7, 8}));
}

LogicalResult importQLinearMatMul(NodeImport &node) {
  FailureOr<Value> sums = sumsOf(node, read(node, 0, 3), 2, 5);
  return llvm::failed(sums) ? failure() : give(node, requantized(node, *sums, {1, 4, 6, 7}));
}

} // namespace phic::onnx::graph
