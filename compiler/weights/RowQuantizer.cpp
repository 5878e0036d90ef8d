//===- RowQuantizer.cpp - Rows of floats to codes --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/RowQuantizer.h"
#include "dialects/phiq/Numerics.h"
#include <cassert>

namespace phic {
namespace {

class RoundToNearest final : public RowQuantizer {
public:
  explicit RoundToNearest(const BlockFormat &format) : format(format) {}

  void quantizeRows(int64_t, int64_t count, int64_t columns, const float *values, BlockRow *rows) const override {
    for (int64_t r = 0; r < count; ++r)
      quantizeWeightRow(values + r * columns, columns, format, rows[r]);
  }

private:
  BlockFormat format;
};

} // namespace

std::unique_ptr<RowQuantizer> RowQuantizer::create(ConvertMethod method, const BlockFormat &format,
                                                   const WeightStatistics &) {
  switch (method) {
  case ConvertMethod::Rtn:
    return std::make_unique<RoundToNearest>(format);
  }
  assert(false && "the verifier knows the methods");
  return nullptr;
}

} // namespace phic
