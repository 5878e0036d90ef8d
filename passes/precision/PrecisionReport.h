//===- PrecisionReport.h - Formats and modes of a model --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `phic build` and `phic inspect` say about a model's numbers. Collected
// from IR of any phase; later phases know more: `precision` the compute mode, the
// measured IR what conversions cost, `kernels` who computes with a weight.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_PRECISION_PRECISIONREPORT_H
#define PHIC_PASSES_PRECISION_PRECISIONREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace phic {

struct PrecisionReport {
  /// What a conversion did to a weight (compiler/weights/WeightErrors.h).
  struct WeightError {
    double relativeRms;  ///< sqrt(sum (w' - w)^2 / sum w^2)
    double greatest;     ///< max |w' - w|
    double norm;         ///< sqrt(sum w^2)
  };
  struct Weight {
    std::string name;
    std::string format;         ///< "u4, 32, scale = f16, zero = 8", or "f32"
    std::vector<int64_t> shape; ///< [N, K], [N] or [O, KH, KW, C]
    double bitsPerWeight;       ///< including scales
    std::string compute;        ///< how it is used, e.g. "i8", "embed", "embed, i8", "rows" (norms, biases, tables)
    std::string stored;         ///< format in the model's file; the same but for converted weights
    double storedBitsPerWeight = 0;
    std::string method;         ///< of the conversion; empty: as it came
    std::optional<WeightError> error;           ///< of a conversion that has been measured
    std::map<std::string, std::string> kernels; ///< M class (decode, verify, prefill) to symbols, once there are
    int64_t elements() const;
    bool isMatrix() const { return shape.size() > 1; }
  };
  std::vector<Weight> weights;  ///< in the order of the IR
  std::string cacheElement;     ///< "f16", "f32"; empty without a cache

  /// Bits per weight over all matrices of the model.
  double meanBitsPerWeight() const;
  /// The same as they are stored in the model's files.
  double meanStoredBitsPerWeight() const;
  int64_t converted() const;
  /// sqrt(sum (w' - w)^2 / sum w^2) over all elements of all weights that are converted and measured.
  double convertedRms() const;
  /// The converted weight of the greatest relative error; null without one that is measured.
  const Weight *worst() const;
  /// "11 weights converted, relative rms error 0.0712, up to 0.0870 ('lm_head')"; empty without conversions.
  std::string conversions() const;

  void print(llvm::raw_ostream &os) const;
};

PrecisionReport collectPrecision(mlir::ModuleOp module);

} // namespace phic

#endif // PHIC_PASSES_PRECISION_PRECISIONREPORT_H
