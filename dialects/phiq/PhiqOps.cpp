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
  int64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0);
  int64_t columns = type.getNumElements() / std::max<int64_t>(rows, 1);
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
  // Derived ones lie as they are read, row after row.
  const bool isAnyShape =
      getDerived() || (getStoredAs() == StorageLayout::DenseNK && !isa<BlockType>(type.getElementType()));
  const bool isKernel = getStoredAs() == StorageLayout::DenseOIHW;
  // (C5)
  if (!type.hasStaticShape() || type.getRank() < 1 || (type.getRank() > 2 && !isAnyShape && !isKernel) ||
      (isKernel && type.getRank() != 4))
    return emitOpError(
               "requires a static shape [N, K] or [N], [O, H, W, I] of 'dense_oihw', or numbers of any shape as "
               "they are, found ")
           << type;
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
