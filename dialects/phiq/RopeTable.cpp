//===- RopeTable.cpp - Cosines and sines of rotary embedding ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/RopeTable.h"
#include "dialects/phiq/Phiq.h"
#include <cmath>

// One rounding for each f32 operation, on every host.
#pragma clang fp contract(off)

namespace phic {

void ropeTableRows(phiq::RopeTableOp op, int64_t p0, int64_t count, float *values) {
  const bool isSine = op.getKind() == phiq::RopeTableKind::Sin;
  const auto rotaryDim = int64_t(op.getRotaryDim());
  const double base = op.getBase().convertToDouble(), mscale = op.getMscale().convertToDouble();
  for (int64_t i = 0; i < rotaryDim / 2; ++i) {
    double factor = op.getFactors() ? double((*op.getFactors())[i]) : 1.0;
    // Rounded to f32 before it meets the position, and so is their product: what Hugging Face computes.
    auto inverseFrequency = float(1.0 / (factor * std::pow(base, 2.0 * double(i) / double(rotaryDim))));
    for (int64_t p = 0; p < count; ++p) {
      double angle = float(p0 + p) * inverseFrequency;
      values[p * (rotaryDim / 2) + i] = float(mscale * (isSine ? std::sin(angle) : std::cos(angle)));
    }
  }
}

} // namespace phic
