//===- WeightErrors.cpp - What conversions cost ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/WeightErrors.h"
#include "compiler/weights/ConvertingReader.h"
#include "dialects/phiq/Phiq.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Parallel.h"

namespace phic {
namespace {

/// Rows measured at once: as many as transposed layouts are read well by.
constexpr int64_t kRowsAtOnce = 64;

ConversionSums measure(const ConvertingReader &reader) {
  const int64_t N = reader.rows(), K = reader.columns(), runs = (N + kRowsAtOnce - 1) / kRowsAtOnce;
  std::vector<ConversionSums> parts(static_cast<size_t>(runs));
  llvm::parallelFor(0, size_t(runs), [&](size_t run) {
    int64_t n0 = int64_t(run) * kRowsAtOnce, count = std::min(kRowsAtOnce, N - n0);
    std::vector<float> stored(size_t(count * K)), converted(size_t(count * K));
    std::vector<BlockRow> rows;
    reader.readBoth(n0, count, stored.data(), converted.data(), rows);
    parts[run] = ConversionSums::of(n0, count, K, stored.data(), converted.data());
    reader.release(n0, count);
  });
  return ConversionSums::of(parts);
}

llvm::Error measure(phiq::WeightOp op, WeightStore &store) {
  auto spec = weightSpecOf(op, store);
  if (!spec)
    return spec.takeError();
  auto reader = ConvertingReader::create(*spec);
  if (!reader)
    return reader.takeError();
  const ConversionSums sums = measure(**reader);
  if (llvm::Error failure = checkFinite(op, sums))
    return failure;
  noteError(op, sums.error());
  return llvm::Error::success();
}

} // namespace

llvm::Error checkFinite(phiq::WeightOp op, const ConversionSums &sums) {
  if (sums.badRow < 0)
    return llvm::Error::success();
  return llvm::createStringError(
      llvm::formatv("weight '{0}', row {1}: a value is not finite, or {2} cannot hold it; keep it with "
                    "--precision-rule '{0}=as-is'",
                    op.getName(), sums.badRow, cast<mlir::ShapedType>(op.getType()).getElementType())
          .str());
}

void noteError(phiq::WeightOp op, const ConversionError &error) {
  mlir::Builder builder(op.getContext());
  auto number = [&](llvm::StringRef key, double value) {
    return builder.getNamedAttr(key, builder.getF64FloatAttr(value));
  };
  op->setAttr(phiq::PhiqDialect::kError,
              builder.getDictionaryAttr({number("relative_rms", error.relativeRms), number("greatest", error.greatest),
                                         number("norm", error.norm)}));
}

static bool wantsMeasuring(phiq::WeightOp op) { return op.getConversion() && !op->hasAttr(phiq::PhiqDialect::kError); }

bool wantsMeasuring(mlir::ModuleOp module) {
  bool isNeeded = false;
  module.walk([&](phiq::WeightOp op) { isNeeded |= wantsMeasuring(op); });
  return isNeeded;
}

llvm::Error measureWeightErrors(mlir::ModuleOp module, WeightStore &store) {
  llvm::Error result = llvm::Error::success();
  module.walk([&](phiq::WeightOp op) {
    if (wantsMeasuring(op))
      result = llvm::joinErrors(std::move(result), measure(op, store));
  });
  return result;
}

} // namespace phic
