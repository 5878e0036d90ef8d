//===- WeightErrors.cpp - What conversions cost ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/WeightErrors.h"
#include "compiler/weights/ConvertingReader.h"
#include "dialects/phiq/Phiq.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Parallel.h"
#include <cmath>

namespace phic {
namespace {

/// Rows measured at once: as many as transposed layouts are read well by.
constexpr int64_t kRowsAtOnce = 64;

/// What a run of rows adds up to.
struct Sums {
  double difference = 0, magnitude = 0; ///< of squares
  double greatest = 0;
  int64_t badRow = -1;                  ///< the first that is not finite, before or after

  void add(const Sums &next) {
    difference += next.difference;
    magnitude += next.magnitude;
    greatest = std::max(greatest, next.greatest);
    if (badRow < 0)
      badRow = next.badRow;
  }
};

Sums measureRows(const ConvertingReader &reader, int64_t n0, int64_t count) {
  const int64_t K = reader.columns();
  std::vector<float> stored(size_t(count * K)), converted(size_t(count * K));
  reader.dequantizeBoth(n0, count, stored.data(), converted.data());
  Sums sums;
  for (int64_t i = 0; i < count * K; ++i) {
    double was = stored[size_t(i)], difference = converted[size_t(i)] - was;
    if (!std::isfinite(difference) && sums.badRow < 0)
      sums.badRow = n0 + i / K;
    sums.difference += difference * difference;
    sums.magnitude += was * was;
    sums.greatest = std::max(sums.greatest, std::fabs(difference));
  }
  return sums;
}

Sums measure(const ConvertingReader &reader) {
  const int64_t N = reader.rows(), runs = (N + kRowsAtOnce - 1) / kRowsAtOnce;
  std::vector<Sums> parts(static_cast<size_t>(runs));
  llvm::parallelFor(0, size_t(runs), [&](size_t run) {
    int64_t n0 = int64_t(run) * kRowsAtOnce, count = std::min(kRowsAtOnce, N - n0);
    parts[run] = measureRows(reader, n0, count);
    reader.release(n0, count);
  });
  Sums all;
  for (const Sums &part : parts)
    all.add(part);
  return all;
}

llvm::Error measure(phiq::WeightOp op, WeightStore &store) {
  auto spec = weightSpecOf(op, store);
  if (!spec)
    return spec.takeError();
  auto reader = ConvertingReader::create(*spec);
  if (!reader)
    return reader.takeError();
  const Sums sums = measure(**reader);
  auto type = cast<mlir::ShapedType>(op.getType());
  if (sums.badRow >= 0)
    return llvm::createStringError(llvm::formatv("weight '{0}', row {1}: a value is not finite, or {2} cannot hold it; "
                                                 "keep it with --precision-rule '{0}=as-is'",
                                                 op.getName(), sums.badRow, type.getElementType())
                                       .str());
  mlir::Builder builder(op.getContext());
  double relative = sums.magnitude > 0 ? std::sqrt(sums.difference / sums.magnitude) : 0;
  op->setAttr(
      phiq::PhiqDialect::kError,
      builder.getDictionaryAttr({builder.getNamedAttr("relative_rms", builder.getF64FloatAttr(relative)),
                                 builder.getNamedAttr("greatest", builder.getF64FloatAttr(sums.greatest)),
                                 builder.getNamedAttr("norm", builder.getF64FloatAttr(std::sqrt(sums.magnitude)))}));
  return llvm::Error::success();
}

} // namespace

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
