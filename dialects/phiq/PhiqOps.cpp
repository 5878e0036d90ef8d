//===- PhiqOps.cpp - Verifiers and effects of phiq ops ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include <cfloat>
#include <cmath>

using namespace mlir;
using namespace phic;
using namespace phic::phiq;

#define GET_OP_CLASSES
#include "dialects/phiq/PhiqOps.cpp.inc"

namespace {

ShapedType shaped(Value value) { return cast<ShapedType>(value.getType()); }
int64_t columns(Value value) { return shaped(value).getDimSize(shaped(value).getRank() - 1); }

/// Every op on rows takes rank-2 tensors; one check for all.
LogicalResult requireRows(Operation *op, ValueRange values) {
  for (Value value : values)
    if (shaped(value).getRank() != 2)
      return op->emitOpError("requires tensors [M, N], found ") << value.getType();
  return success();
}

LogicalResult requireVector(Operation *op, Value vector, int64_t length, StringRef what) {
  if (shaped(vector).getRank() == 1 && columns(vector) == length)
    return success();
  return op->emitOpError("requires ") << what << " to be a vector of " << length << ", found " << vector.getType();
}

/// A number that a kernel can compute with.
LogicalResult requireReal(Operation *op, const APFloat &value, double least, StringRef what) {
  const double real = [&] {
    APFloat copy = value;
    bool losesInfo = false;
    copy.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    return copy.convertToDouble();
  }();
  if (std::isfinite(real) && real >= least)
    return success();
  return op->emitOpError("requires ") << what << " to be finite and at least " << least << ", found " << real;
}

/// The cache that `op` names; null after an error.
CacheOp requireCache(Operation *op, FlatSymbolRefAttr name, SymbolTableCollection &symbols) {
  auto cache = symbols.lookupNearestSymbolFrom<CacheOp>(op, name);
  if (!cache)
    op->emitOpError("requires a phiq.cache named ") << name;
  return cache;
}

} // namespace

/// (C1): ranges with elements of that type in a layout, which make up a weight of the op's shape.
static LogicalResult verifyStorage(WeightOp op, StoredAs storedAs, ArrayAttr ranges, Type element) {
  std::vector<uint64_t> lengths;
  for (Attribute range : ranges)
    if (auto handle = dyn_cast<RangeAttr>(range))
      lengths.push_back(handle.getLength());
    else
      return op.emitOpError("requires #phiq.range handles, found ") << range;
  std::optional<BlockFormat> format;
  if (auto block = dyn_cast<BlockType>(element))
    format = block.getFormat();
  auto type = cast<ShapedType>(op.getType());
  int64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0), columns = type.getDimSize(type.getRank() - 1);
  const BlockFormat *stored = format ? &*format : nullptr;
  std::string error = storedAs.check(stored, scalarOf(element), rows, columns, lengths);
  return error.empty() ? success() : op.emitOpError() << error;
}

/// (C2), (C3)
static LogicalResult verifyMethod(WeightOp op, Type from) {
  auto type = cast<ShapedType>(op.getType());
  if (type.getRank() == 1)
    return op.emitOpError("of rank 1 cannot be converted");
  if (from == type.getElementType())
    return op.emitOpError("is converted from its own type ") << from;
  if (auto block = dyn_cast<BlockType>(type.getElementType()))
    if (std::string reason = checkRoundToNearest(block.getFormat()); !reason.empty())
      return op.emitOpError("is converted to ") << block << ", which " << reason;
  return success();
}

LogicalResult WeightOp::verify() {
  auto type = cast<ShapedType>(getType());
  if (!type.hasStaticShape() || type.getRank() < 1 || type.getRank() > 2)
    return emitOpError("requires a static shape [N, K] or [N], found ") << type;
  // (C1)
  if (failed(verifyStorage(*this, getStoredAs(), getRanges(), getStoredElementType())))
    return failure();
  // (C2)
  if (type.getRank() == 1 && getStoredAs() != StorageLayout::DenseNK)
    return emitOpError("of rank 1 requires layout 'dense_nk', found '") << StringRef(getStoredAs().name()) << "'";
  if (std::optional<ConversionAttr> conversion = getConversion())
    if (failed(verifyMethod(*this, conversion->getFrom())))
      return failure();
  // (C4)
  std::optional<DerivedAttr> derived = getDerived();
  if (!derived)
    return success();
  if (getConversion())
    return emitOpError("is derived, and converted once more");
  return failure(
      failed(verifyMethod(*this, derived->getFrom())) ||
      failed(verifyStorage(*this, derived->getLayout().getStoredAs(), derived->getRanges(), derived->getFrom())));
}

Type WeightOp::getStoredElementType() {
  return getConversion() ? getConversion()->getFrom() : cast<ShapedType>(getType()).getElementType();
}

Type WeightOp::getModelElementType() { return getDerived() ? getDerived()->getFrom() : getStoredElementType(); }

std::optional<ConvertMethod> WeightOp::getMethod() {
  if (getDerived())
    return getDerived()->getMethod();
  return getConversion() ? std::optional(getConversion()->getMethod()) : std::nullopt;
}

LogicalResult CacheOp::verify() {
  constexpr uint64_t kMost = 1 << 24;
  if (getHeads() < 1 || getHeadDim() < 1 || getHeads() > kMost || getHeadDim() > kMost / getHeads())
    return emitOpError("requires heads of at least one element, found ") << getHeads() << " of " << getHeadDim();
  return success();
}

LogicalResult RopeTableOp::verify() {
  if (shaped(getResult()).getRank() != 2 || columns(getResult()) * 2 != int64_t(getRotaryDim()))
    return emitOpError("requires a result [rows, ") << getRotaryDim() / 2 << "], found " << getType();
  if (getFactors() && int64_t(getFactors()->size()) * 2 != int64_t(getRotaryDim()))
    return emitOpError("has ") << getFactors()->size() << " factors, rotary_dim asks for " << getRotaryDim() / 2;
  for (float factor : getFactors().value_or(ArrayRef<float>()))
    if (!std::isfinite(1 / factor))
      return emitOpError("has a factor of ") << factor;
  return failure(failed(requireReal(*this, getBase(), 1, "a base")) ||
                 failed(requireReal(*this, getMscale(), 0, "an mscale")));
}

LogicalResult EmbedOp::verify() {
  if (shaped(getIds()).getRank() != 1 || shaped(getTable()).getRank() != 2)
    return emitOpError("requires ids [M] and a table [V, N]");
  if (columns(getResult()) != columns(getTable()))
    return emitOpError("result has ") << columns(getResult()) << " columns, the table " << columns(getTable());
  return success();
}

LogicalResult RmsNormOp::verify() {
  return failure(failed(requireRows(*this, getX())) || failed(requireReal(*this, getEpsilon(), 0, "an epsilon")) ||
                 failed(requireVector(*this, getGamma(), columns(getX()), "gamma")));
}

LogicalResult LayerNormOp::verify() {
  return failure(failed(requireRows(*this, getX())) || failed(requireReal(*this, getEpsilon(), 0, "an epsilon")) ||
                 failed(requireVector(*this, getGamma(), columns(getX()), "gamma")) ||
                 failed(requireVector(*this, getBeta(), columns(getX()), "beta")));
}

LogicalResult BiasOp::verify() {
  return failure(failed(requireRows(*this, getX())) ||
                 failed(requireVector(*this, getBias(), columns(getX()), "bias")));
}

LogicalResult SnapOp::verify() {
  if (failed(requireRows(*this, getX())))
    return failure();
  // (C1)
  if (shaped(getScale()).getRank() != 1 || (columns(getScale()) != 1 && columns(getScale()) != columns(getX())))
    return emitOpError("requires one scale or ") << columns(getX()) << ", found " << getScale().getType();
  // (C2)
  constexpr int64_t kMost = 1 << 16;
  if (auto least = int64_t(getLeast()), greatest = int64_t(getGreatest());
      least < -kMost || least > 0 || greatest < 0 || greatest > kMost)
    return emitOpError("requires a range around 0 within ") << kMost << ", found " << least << " to " << greatest;
  return success();
}

LogicalResult MatmulOp::verify() {
  if (failed(requireRows(*this, {getLhs(), getRhs(), getResult()})))
    return failure();
  // (C1)
  if (columns(getLhs()) != columns(getRhs()))
    return emitOpError("lhs has K = ") << columns(getLhs()) << ", rhs K = " << columns(getRhs());
  if (columns(getResult()) != shaped(getRhs()).getDimSize(0))
    return emitOpError("result has N = ") << columns(getResult()) << ", rhs N = " << shaped(getRhs()).getDimSize(0);
  return success();
}

LogicalResult RopeOp::verify() {
  if (failed(requireRows(*this, {getX(), getCos(), getSin()})))
    return failure();
  // (C1)
  int64_t headDim = getHeadDim();
  if (headDim <= 0 || columns(getX()) % headDim || columns(getCos()) * 2 > headDim)
    return emitOpError("head_dim ") << headDim << " must divide " << columns(getX())
                                    << " and hold the rotary dimension " << columns(getCos()) * 2;
  if (columns(getCos()) != columns(getSin()))
    return emitOpError("cosines have ") << columns(getCos()) << " columns, sines " << columns(getSin());
  // (C2)
  if (bool(getLongCos()) != getThreshold().has_value())
    return emitOpError("requires long tables and threshold together");
  return success();
}

LogicalResult ColumnsOp::verify() {
  if (failed(requireRows(*this, {getX(), getResult()})))
    return failure();
  if (int64_t end = getBegin() + columns(getResult()); int64_t(getBegin()) < 0 || end > columns(getX()))
    return emitOpError("takes columns ") << getBegin() << " to " << end << " of " << columns(getX());
  return success();
}

LogicalResult TransposeOp::verify() {
  if (failed(requireRows(*this, {getW(), getResult()})))
    return failure();
  if (shaped(getW()).getDimSize(0) != columns(getResult()) || columns(getW()) != shaped(getResult()).getDimSize(0))
    return emitOpError("result must be ") << columns(getW()) << "x" << shaped(getW()).getDimSize(0);
  return success();
}

void CacheAppendOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), getCacheAttr());
}

LogicalResult CacheAppendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  CacheOp cache = requireCache(*this, getCacheAttr(), symbols);
  if (!cache || failed(requireRows(*this, {getKeys(), getValues()})))
    return failure();
  // (C1)
  int64_t wanted = cache.getHeads() * cache.getHeadDim();
  if (columns(getKeys()) != wanted || columns(getValues()) != wanted)
    return emitOpError("appends ") << columns(getKeys()) << " and " << columns(getValues()) << " columns, cache "
                                   << getCacheAttr() << " holds " << wanted << " each";
  return success();
}

LogicalResult AttendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  CacheOp cache = requireCache(*this, getCacheAttr(), symbols);
  if (!cache || failed(requireRows(*this, getQueries())))
    return failure();
  // (C1)
  if (getHeads() == 0 || cache.getHeads() == 0 || getHeads() % cache.getHeads())
    return emitOpError("has ") << getHeads() << " heads, which must be a multiple of the cache's " << cache.getHeads();
  if (columns(getQueries()) != int64_t(getHeads() * cache.getHeadDim()))
    return emitOpError("has ") << columns(getQueries()) << " columns of queries, " << getHeads() << " heads of "
                               << cache.getHeadDim() << " ask for " << getHeads() * cache.getHeadDim();
  return success();
}

LogicalResult AttendOp::verify() {
  if (failed(requireReal(*this, getScale(), -FLT_MAX, "a scale")))
    return failure();
  if (getSoftcap() && failed(requireReal(*this, *getSoftcap(), 0, "a softcap")))
    return failure();
  if (getWindow() && (int64_t(*getWindow()) < 1 || *getWindow() > INT32_MAX))
    return emitOpError("requires a window of 1 to 2147483647 keys, found ") << int64_t(*getWindow());
  return success();
}

void AttendOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), getCacheAttr());
}

//===----------------------------------------------------------------------===//
// Tensors of any rank
//===----------------------------------------------------------------------===//

static LogicalResult requireStatic(Operation *op) {
  for (Value value : {op->getOperand(0), Value(op->getResult(0))})
    if (!shaped(value).hasStaticShape())
      return op->emitOpError("requires tensors of static shape, found ") << value.getType();
  return success();
}

/// (C1), (C2) of the two linear quantizations: `codes` is the operand or the result that holds integers.
static LogicalResult verifyLinear(Operation *op, Value codes, Value scale, int64_t zero) {
  if (failed(requireStatic(op)))
    return failure();
  Type code = shaped(codes).getElementType(),
       real = shaped(codes == op->getResult(0) ? op->getOperand(0) : op->getResult(0)).getElementType();
  if (shaped(op->getOperand(0)).getShape() != shaped(op->getResult(0)).getShape() || !code.isInteger(8) ||
      !real.isF32())
    return op->emitOpError("requires floats and 8-bit integers of one shape, found ")
           << op->getOperand(0).getType() << " and " << op->getResult(0).getType();
  if (failed(requireVector(op, scale, 1, "scale")))
    return failure();
  const CodeType type{8, !cast<IntegerType>(code).isUnsigned()};
  if (zero < (type.isSigned ? -128 : 0) || zero > (type.isSigned ? 127 : 255))
    return op->emitOpError("has zero point ") << zero << ", which " << code << " does not hold";
  return success();
}

LogicalResult QuantizeLinearOp::verify() { return verifyLinear(*this, getResult(), getScale(), int64_t(getZero())); }
LogicalResult DequantizeLinearOp::verify() { return verifyLinear(*this, getX(), getScale(), int64_t(getZero())); }

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

LogicalResult ReshapeOp::verify() {
  if (failed(requireStatic(*this)))
    return failure();
  // (C1)
  if (shaped(getX()).getNumElements() != shaped(getResult()).getNumElements() ||
      shaped(getX()).getElementType() != shaped(getResult()).getElementType())
    return emitOpError("cannot make ") << getType() << " of " << getX().getType();
  return success();
}
