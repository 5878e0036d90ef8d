//===- PrecisionReport.h - Formats and modes of a model --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `phic build` and `phic inspect` say about a model's numbers. Collected
// from IR of any phase from `precision` on.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_PRECISION_PRECISIONREPORT_H
#define PHIC_PASSES_PRECISION_PRECISIONREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <vector>

namespace phic {

struct PrecisionReport {
  struct Weight {
    std::string name;
    std::string format;         ///< "u4, 32, scale = f16, zero = 8", or "f32"
    std::vector<int64_t> shape; ///< [N, K] or [N]
    double bitsPerWeight;       ///< including scales
    std::string compute;        ///< how it is used, e.g. "i8", "embed", "embed, i8", "rows" (norms, biases, tables)
    int64_t elements() const;
  };
  std::vector<Weight> weights;  ///< in the order of the IR
  std::string cacheElement;     ///< "f16", "f32"; empty without a cache

  /// Bits per weight over all matrices of the model.
  double meanBitsPerWeight() const;
  void print(llvm::raw_ostream &os) const;
  llvm::json::Value toJson() const;
};

PrecisionReport collectPrecision(mlir::ModuleOp module);

} // namespace phic

#endif // PHIC_PASSES_PRECISION_PRECISIONREPORT_H
