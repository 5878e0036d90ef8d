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

Expected<std::unique_ptr<WeightReader>> WeightReader::create(phiq::WeightOp op,
                                                             WeightStore &store) {
  auto prefix = [&](Error error) {
    return createStringError(inconvertibleErrorCode(),
                             "weight '" + op.getName() + "': " + toString(std::move(error)));
  };
  auto type = cast<mlir::ShapedType>(op.getType());
  mlir::Type element = type.getElementType();
  WeightSpec spec;
  spec.store = &store;
  spec.layout = *storageLayoutByName(op.getLayout()); // the verifier has seen to it
  spec.rows = type.getRank() == 1 ? 1 : type.getDimSize(0);
  spec.columns = type.getDimSize(type.getRank() - 1);
  if (auto block = dyn_cast<phiq::BlockType>(element))
    spec.format = block.getFormat();
  else
    spec.element = element.isF16() ? Scalar::F16 : element.isBF16() ? Scalar::BF16 : Scalar::F32;
  for (auto range : op.getRanges().getAsRange<phiq::RangeAttr>()) {
    Expected<ArrayRef<uint8_t>> bytes = store.verifiedBytes(
        {range.getFile(), range.getOffset(), range.getLength(), range.getHash()});
    if (!bytes)
      return prefix(bytes.takeError());
    spec.ranges.push_back(*bytes);
  }
  Expected<std::unique_ptr<WeightReader>> reader = create(spec);
  if (!reader)
    return prefix(reader.takeError());
  return reader;
}

} // namespace phic
