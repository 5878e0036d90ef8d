//===- GridOps.cpp - Verifiers of ops on tensors of any rank ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/MapFunctions.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/Support/InterleavedRange.h"

using namespace mlir;
using namespace phic;
using namespace phic::phiq;

#include "dialects/phiq/GridEnums.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/phiq/GridOps.cpp.inc"

/// For PhiqDialect::initialize.
void PhiqDialect::addGridOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/phiq/GridOps.cpp.inc"
      >();
}

namespace {

ShapedType shaped(Value value) { return cast<ShapedType>(value.getType()); }

bool isCode(Type element) {
  return element.isSignlessInteger(8) || element.isUnsignedInteger(8) || element.isSignlessInteger(4) ||
         element.isUnsignedInteger(4);
}

/// Whether operands and result of a phiq.map are of types that its function takes.
bool areTypesOf(const MapFunctionRow &row, ArrayRef<Type> x, Type y) {
  switch (row.types) {
  case MapTypes::Numbers:
    return llvm::all_equal(x) && x[0] == y && !y.isInteger(1);
  case MapTypes::Floats:
    return llvm::all_equal(x) && x[0] == y && y.isF32();
  case MapTypes::Comparison:
    return llvm::all_equal(x) && y.isInteger(1);
  case MapTypes::FloatTest:
    return x[0].isF32() && y.isInteger(1);
  case MapTypes::Truth:
    return llvm::all_equal(x) && x[0].isInteger(1) && y.isInteger(1);
  case MapTypes::Select:
    return x[0].isInteger(1) && x[1] == y && x[2] == y;
  case MapTypes::Cast:
    return true;
  case MapTypes::Quantize:
    return x[0].isF32() && x[1].isF32() && x[2] == y && isCode(y);
  case MapTypes::Dequantize:
    return x[2] == x[0] && x[1].isF32() && y.isF32() && (isCode(x[0]) || x[0].isInteger(32));
  }
  llvm_unreachable("all are handled");
}

} // namespace

LogicalResult phiq::requireStatic(Operation *op) {
  for (Type type :
       llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()), llvm::to_vector(op->getResultTypes())))
    if (!cast<ShapedType>(type).hasStaticShape())
      return op->emitOpError("requires tensors of static shape, found ") << type;
  return success();
}

bool phiq::broadcastsTo(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (from.size() > to.size())
    return false;
  return llvm::all_of(llvm::zip(llvm::reverse(from), llvm::reverse(to)), [](auto sizes) {
    auto [mine, whole] = sizes;
    return mine == 1 || mine == whole;
  });
}

std::string phiq::whyNotMap(MapOp op) {
  std::string reason;
  llvm::raw_string_ostream out(reason);
  const MapFunctionRow &row = mapFunctionRow(op.getFunction());
  SmallVector<Type> types = llvm::map_to_vector(op.getXs(), [](Value x) { return elementTypeOf(x); });
  // (C1)
  if (types.size() != row.arity)
    out << "'" << stringifyMapFunction(op.getFunction()) << "' takes " << row.arity << " operands, found "
        << types.size();
  else if (!areTypesOf(row, types, elementTypeOf(op.getResult())))
    out << "'" << stringifyMapFunction(op.getFunction()) << "' does not make " << elementTypeOf(op.getResult())
        << " of " << llvm::interleaved(types);
  else // (C2)
    for (Value x : op.getXs())
      if (!broadcastsTo(shapeOf(x), shapeOf(op.getResult())))
        out << "cannot broadcast " << x.getType() << " to " << op.getType();
  return reason;
}

LogicalResult MapOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  std::string reason = whyNotMap(*this);
  return reason.empty() ? success() : emitOpError(reason);
}

LogicalResult ReshapeOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  if (shaped(getX()).getNumElements() != shaped(getResult()).getNumElements() ||
      shaped(getX()).getElementType() != shaped(getResult()).getElementType())
    return emitOpError("cannot make ") << getType() << " of " << getX().getType();
  return success();
}

LogicalResult MaxPoolOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  ArrayRef<int64_t> x = shaped(getX()).getShape(), y = shaped(getResult()).getShape();
  auto arePositive = [](ArrayRef<int64_t> pair) {
    return pair.size() == 2 && llvm::all_of(pair, [](int64_t size) { return size > 0 && size <= INT32_MAX; });
  };
  if (x.size() != 4 || y.size() != 4 || x.take_front(2) != y.take_front(2) ||
      shaped(getX()).getElementType() != shaped(getResult()).getElementType())
    return emitOpError("requires tensors [N, C, H, W] that differ in H and W only");
  if (!arePositive(getKernel()) || !arePositive(getStrides()) || !arePositive(getDilations()) ||
      getPads().size() != 4 || llvm::any_of(getPads(), [](int64_t pad) { return pad < 0 || pad > INT32_MAX; }))
    return emitOpError("requires pairs of positive kernel, strides and dilations, and four pads from 0 on");
  for (unsigned axis : {0, 1}) {
    const int64_t window = (getKernel()[axis] - 1) * getDilations()[axis] + 1, size = x[2 + axis];
    const int64_t before = getPads()[axis], after = getPads()[2 + axis];
    const int64_t room = size + before + after - window;
    // (C2)
    if (room < 0 || y[2 + axis] != room / getStrides()[axis] + 1)
      return emitOpError("has ") << y[2 + axis] << " windows along axis " << 2 + axis << ", there are "
                                 << (room < 0 ? 0 : room / getStrides()[axis] + 1);
    // (C3) The elements of a window are `dilations` apart: they can step over x only where it is smaller than that.
    if (before >= window || after >= window || size < getDilations()[axis])
      return emitOpError("has a window without an element along axis ") << 2 + axis;
  }
  return success();
}
