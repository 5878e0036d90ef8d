//===- PhiqOps.cpp - Verifiers and effects of phiq ops ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/AddedFormats.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace phic;
using namespace phic::phiq;

#define GET_OP_CLASSES
#include "dialects/phiq/PhiqOps.cpp.inc"

namespace {

ShapedType shaped(Value value) { return cast<ShapedType>(value.getType()); }
int64_t columns(Value value) { return shaped(value).getDimSize(shaped(value).getRank() - 1); }

/// How elements of a float tensor are stored.
Scalar scalarOf(Type type) {
  return type.isF16() ? Scalar::F16 : type.isBF16() ? Scalar::BF16 : type.isF32() ? Scalar::F32 : Scalar::None;
}

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

/// The cache that `op` names; null after an error.
CacheOp requireCache(Operation *op, FlatSymbolRefAttr name, SymbolTableCollection &symbols) {
  auto cache = symbols.lookupNearestSymbolFrom<CacheOp>(op, name);
  if (!cache)
    op->emitOpError("requires a phiq.cache named ") << name;
  return cache;
}

} // namespace

/// (C2), (C3)
static LogicalResult verifyConversion(WeightOp op, ShapedType type) {
  std::optional<ConversionAttr> conversion = op.getConversion();
  if (!conversion)
    return success();
  if (type.getRank() == 1)
    return op.emitOpError("of rank 1 cannot be converted");
  if (!convertMethodByName(std::string_view(conversion->getMethod())))
    return op.emitOpError("is converted by unknown method '") << conversion->getMethod() << "'";
  if (conversion->getFrom() == type.getElementType())
    return op.emitOpError("is converted from its own type ") << conversion->getFrom();
  if (auto block = dyn_cast<BlockType>(type.getElementType()))
    if (std::string reason = checkRoundToNearest(block.getFormat()); !reason.empty())
      return op.emitOpError("is converted to ") << block << ", which " << reason;
  return success();
}

LogicalResult WeightOp::verify() {
  std::optional<StorageLayout> layout = storageLayoutByName(getLayout());
  const BlockStorage *added = layout ? nullptr : AddedFormats::byName(getContext(), getLayout());
  if (!layout && !added)
    return emitOpError("has unknown storage layout '") << getLayout() << "': if it is a plugin's, load that plugin";
  auto type = cast<ShapedType>(getType());
  if (!type.hasStaticShape() || type.getRank() < 1 || type.getRank() > 2)
    return emitOpError("requires a static shape [N, K] or [N], found ") << type;
  for (Attribute range : getRanges())
    if (!isa<RangeAttr>(range))
      return emitOpError("requires #phiq.range handles, found ") << range;
  // (C1)
  std::vector<uint64_t> lengths;
  for (RangeAttr range : getRanges().getAsRange<RangeAttr>())
    lengths.push_back(range.getLength());
  Type element = getStoredElementType();
  std::optional<BlockFormat> format;
  if (auto block = dyn_cast<BlockType>(element))
    format = block.getFormat();
  int64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0), columns = type.getDimSize(type.getRank() - 1);
  const BlockFormat *stored = format ? &*format : nullptr;
  std::string error = added ? checkStorage(*added, stored, rows, columns, lengths)
                            : checkStorage(*layout, stored, scalarOf(element), rows, columns, lengths);
  if (!error.empty())
    return emitOpError() << error;
  // (C2)
  if (type.getRank() == 1 && layout != StorageLayout::DenseNK)
    return emitOpError("of rank 1 requires layout 'dense_nk', found '") << getLayout() << "'";
  return verifyConversion(*this, type);
}

Type WeightOp::getStoredElementType() {
  return getConversion() ? getConversion()->getFrom() : cast<ShapedType>(getType()).getElementType();
}

LogicalResult RopeTableOp::verify() {
  if (getKind() != "cos" && getKind() != "sin")
    return emitOpError("requires kind 'cos' or 'sin', found '") << getKind() << "'";
  if (shaped(getResult()).getRank() != 2 || columns(getResult()) * 2 != int64_t(getRotaryDim()))
    return emitOpError("requires a result [rows, ") << getRotaryDim() / 2 << "], found " << getType();
  if (getFactors() && int64_t(getFactors()->size()) * 2 != int64_t(getRotaryDim()))
    return emitOpError("has ") << getFactors()->size() << " factors, rotary_dim asks for " << getRotaryDim() / 2;
  return success();
}

LogicalResult EmbedOp::verify() {
  if (shaped(getIds()).getRank() != 1 || shaped(getTable()).getRank() != 2)
    return emitOpError("requires ids [M] and a table [V, N]");
  if (columns(getResult()) != columns(getTable()))
    return emitOpError("result has ") << columns(getResult()) << " columns, the table " << columns(getTable());
  return success();
}

LogicalResult RmsNormOp::verify() {
  return failure(failed(requireRows(*this, getX())) ||
                 failed(requireVector(*this, getGamma(), columns(getX()), "gamma")));
}

LogicalResult LayerNormOp::verify() {
  return failure(failed(requireRows(*this, getX())) ||
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
  if (getCompute() && *getCompute() != "f32" && *getCompute() != "i8")
    return emitOpError("requires compute 'f32' or 'i8', found '") << *getCompute() << "'";
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

void AttendOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), getCacheAttr());
}
