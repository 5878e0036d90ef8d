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
