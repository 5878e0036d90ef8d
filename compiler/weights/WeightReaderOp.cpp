//===- WeightReaderOp.cpp - Readers made from phiq.weight ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The only part of the weight store that knows MLIR: translates the op's type,
// layout and ranges into a WeightSpec.
//===----------------------------------------------------------------------===//
#include "compiler/weights/WeightReader.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Phiq.h"

using namespace llvm;

namespace phic {
namespace {

std::optional<BlockFormat> formatOf(mlir::Type element) {
  if (auto block = dyn_cast<phiq::BlockType>(element))
    return block.getFormat();
  return std::nullopt;
}

} // namespace

static Error prefixed(phiq::WeightOp op, Error error) {
  return createStringError(inconvertibleErrorCode(), "weight '" + op.getName() + "': " + toString(std::move(error)));
}

Expected<WeightSpec> weightSpecOf(phiq::WeightOp op, WeightStore &store) {
  auto type = cast<mlir::ShapedType>(op.getType());
  WeightSpec spec;
  spec.store = &store;
  spec.storedAs = op.getStoredAs();
  spec.rows = type.getRank() == 1 ? 1 : type.getDimSize(0);
  spec.columns = type.getNumElements() / std::max<int64_t>(spec.rows, 1);
  spec.channels = type.getShape().back();
  spec.format = formatOf(op.getStoredElementType());
  spec.element = phiq::scalarOf(op.getStoredElementType());
  if (auto conversion = op.getConversion())
    spec.conversion = {conversion->getMethod(),
                       formatOf(type.getElementType()),
                       phiq::scalarOf(type.getElementType()),
                       {store.meanSquares(op.getName())}};
  for (auto range : op.getRanges().getAsRange<phiq::RangeAttr>()) {
    Expected<ArrayRef<uint8_t>> bytes =
        store.verifiedBytes({range.getFile(), range.getOffset(), range.getLength(), range.getHash()});
    if (!bytes)
      return prefixed(op, bytes.takeError());
    spec.ranges.push_back(*bytes);
  }
  return spec;
}

Expected<std::unique_ptr<WeightReader>> WeightReader::create(phiq::WeightOp op, WeightStore &store) {
  Expected<WeightSpec> spec = weightSpecOf(op, store);
  if (!spec)
    return spec.takeError();
  Expected<std::unique_ptr<WeightReader>> reader = create(*spec);
  if (!reader)
    return prefixed(op, reader.takeError());
  return reader;
}

} // namespace phic
