//===- Linker.h - Objects, tables and weights to files ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Links kernels, model data and the prebuilt runtime with LLD in this process:
// with musl or libSystem to a program, without it to a library of one exported
// symbol. Then the weights are streamed into all files that hold them at once.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_LINKER_H
#define PHIC_COMPILER_LINK_LINKER_H

#include "compiler/link/ModelData.h"
#include "compiler/link/Outputs.h"
#include "compiler/weights/WeightSink.h"
#include "targets/Target.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace phic {

class OutputFiles;

struct ProgramParts {
  ModelData model;
  /// Object files with the entry points that `model.variants` names; position-independent.
  std::vector<llvm::ArrayRef<char>> objects;
  /// JSON text for `phic inspect` and `phic verify`: kept in section `.phi_manifest`.
  std::string manifest;
  /// Called once, after a successful link; must write exactly `model.weightsBytes` bytes.
  llvm::function_ref<llvm::Error(WeightSink &)> writeWeights;
  const System *system = &allSystems().front();
  /// Some device's driver has to be found among the system's libraries when the program runs.
  bool wantsLoader = false;
};

/// Links and writes the files. A failure leaves none behind, and older ones as they were.
llvm::Error linkOutputs(const ProgramParts &parts, const Outputs &outputs, OutputFiles &planned);

/// The folder of the prebuilt runtime for `system`, beside libphic: `<lib>/phic/<system>`.
std::string runtimeDirectory(llvm::StringRef system);

} // namespace phic

#endif // PHIC_COMPILER_LINK_LINKER_H
