//===- ConvertingReader.h - Weights in another format ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `#phiq.conversion` means: rows are read as they are stored, dequantized to
// f32, and made anew in the wanted format. A few rows at a time, so that memory
// does not grow with the weight.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_CONVERTINGREADER_H
#define PHIC_COMPILER_WEIGHTS_CONVERTINGREADER_H

#include "compiler/weights/RowQuantizer.h"
#include "compiler/weights/WeightReader.h"

namespace phic {

class ConvertingReader final : public WeightReader {
public:
  static llvm::Expected<std::unique_ptr<ConvertingReader>> create(const WeightSpec &spec);

  void readRows(int64_t n0, int64_t count, BlockRow *rows) const override;
  void dequantizeRows(int64_t n0, int64_t count, float *values) const override;
  void release(int64_t n0, int64_t count) const override { source->release(n0, count); }

  /// The rows as stored and as converted, f32 [count, K] each: what the error is measured from. To a block format, `rows`
  /// are their codes.
  void readBoth(int64_t n0, int64_t count, float *stored, float *converted, std::vector<BlockRow> &rows) const;

private:
  ConvertingReader(const WeightSpec &result, const WeightConversion &conversion, std::unique_ptr<WeightReader> source);
  /// What the stored rows `values` become, in place.
  void convert(int64_t n0, int64_t count, float *values, std::vector<BlockRow> &rows) const;

  std::unique_ptr<WeightReader> source;
  std::unique_ptr<RowQuantizer> quantizer; ///< null: to floats
};

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_CONVERTINGREADER_H
