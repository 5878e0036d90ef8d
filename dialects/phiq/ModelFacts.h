//===- ModelFacts.h - What a model says beside its graph -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `phiq.model` of a module, as a struct: importers write it, the driver, reports and the program's own facts are read from
// it, all of them here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_MODELFACTS_H
#define PHIC_DIALECTS_PHIQ_MODELFACTS_H

#include "dialects/phiq/Sampling.h"
#include <cstdint>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
}

namespace phic {

struct ModelFacts {
  std::string name;
  int64_t vocab = 0, contextMax = 0;
  int64_t ropeSwitch = 0; ///< total length above which the long rope tables apply, or 0
  bool prunedHead = false; ///< the graph itself picks the last row before the head
  std::vector<int32_t> stopIds;
  SamplingDefaults sampling;
};

void setModelFacts(mlir::ModuleOp module, const ModelFacts &facts);
/// The defaults where the module has none.
ModelFacts modelFacts(mlir::ModuleOp module);
/// What a program cannot hold of them; empty: nothing. Whoever takes a module from outside asks, whatever made it.
std::string checkModelFacts(const ModelFacts &facts);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_MODELFACTS_H
