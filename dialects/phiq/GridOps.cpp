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
  case MapTypes::Lookup:
    return isCode(x[0]) && x[0].getIntOrFloatBitWidth() <= 8 &&
           (x[1].isF32() ? y.isF32() : x[1].isInteger(32) && isa<IntegerType>(y) && y.getIntOrFloatBitWidth() <= 32);
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
  else if (Value table = op.getTable();
           table && shapeOf(table) != ArrayRef(int64_t(1) << types[0].getIntOrFloatBitWidth()))
    out << "requires a number for each code of " << types[0] << ", found " << table.getType();
  else // (C2)
    for (Value x : op.getTensors())
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

namespace {

/// What a contraction's result is, from x, w and the window; empty, with a reason, where there is none. (C2)
SmallVector<int64_t> contractedShape(ContractOp op, std::string &reason) {
  llvm::raw_string_ostream out(reason);
  SmallVector<int64_t> shape(op.getX().getType().getShape());
  int64_t K = shape.empty() ? 0 : shape.back();
  if (op.getKernel()) {
    auto fits = [](std::optional<ArrayRef<int64_t>> sizes, size_t count, int64_t least) {
      return sizes && sizes->size() == count &&
             llvm::all_of(*sizes, [&](int64_t size) { return size >= least && size <= INT32_MAX; });
    };
    if (shape.size() != 4 || !fits(op.getKernel(), 2, 1) || !fits(op.getStrides(), 2, 1) ||
        !fits(op.getDilations(), 2, 1) || !fits(op.getPads(), 4, 0)) {
      out << "requires x [N, H, W, C], pairs of positive kernel, strides and dilations, and four pads from 0 on";
      return {};
    }
    for (unsigned axis : {0, 1}) {
      const int64_t window = ((*op.getKernel())[axis] - 1) * (*op.getDilations())[axis] + 1;
      const int64_t room = shape[1 + axis] + (*op.getPads())[axis] + (*op.getPads())[2 + axis] - window;
      if (room < 0) {
        out << "has no window along axis " << 1 + axis;
        return {};
      }
      shape[1 + axis] = room / (*op.getStrides())[axis] + 1;
      K *= (*op.getKernel())[axis];
    }
  }
  ArrayRef<int64_t> w = op.getW().getType().getShape();
  if (op.getBatched() && (op.getKernel() || w.size() < 2 || w.drop_back(2) != ArrayRef(shape).drop_back(2))) {
    out << "is batched, which requires a weight like x but for its rows, found '" << op.getW().getType() << "'";
    return {};
  }
  if (w.size() < 2 || llvm::is_contained(w, 0) || op.getK() != K || K < 1) {
    out << "requires a weight of rows of " << K << " elements, found '" << op.getW().getType() << "'";
    return {};
  }
  shape.back() = op.getColumns();
  return shape;
}

} // namespace

LogicalResult ContractOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  auto is8Bit = [](Type type) { return isCode(type) && type.getIntOrFloatBitWidth() == 8; };
  Type x = elementTypeOf(getX()), w = elementTypeOf(getW()), y = elementTypeOf(getResult());
  auto blocks = dyn_cast<BlockType>(w);
  const bool isFactor = blocks ? !getBatched() && !blocks.getFormat().isTwoLevel() : isa<FloatType>(w) || is8Bit(w);
  const bool isFloats = x.isF32() && isFactor && y.isF32();
  if (!isFloats && !(is8Bit(x) && is8Bit(w) && y.isInteger(32)))
    return emitOpError("does not make ") << y << " of " << x << " and " << w;
  // (C2)
  std::string reason;
  SmallVector<int64_t> shape = contractedShape(*this, reason);
  if (!reason.empty())
    return emitOpError(reason);
  if (ArrayRef(shape) != shapeOf(getResult()))
    return emitOpError("makes ") << RankedTensorType::get(shape, y) << ", not " << getType();
  // (C3)
  auto isZeroOf = [&](Value zero, Value of, int64_t most) {
    const int64_t count = shaped(zero).getNumElements();
    return elementTypeOf(zero) == elementTypeOf(of) && (count == 1 || count == most);
  };
  if ((getXZero() && (isFloats || !isZeroOf(getXZero(), getX(), 1))) ||
      (getWZero() && (!is8Bit(w) || !isZeroOf(getWZero(), getW(), getColumns()))))
    return emitOpError("requires zero points of codes, in their type: one, or of the weight ") << getColumns();
  return success();
}
