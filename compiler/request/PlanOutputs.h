//===- PlanOutputs.h - Which files a build writes --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `-o PATH` names the first kind of --emit exactly; all others lie beside it,
// with PATH's stem: the file name without a leading "lib" and without .a, .so,
// .dylib, .o or .h. `-o out/libphi.a --emit=lib,header` makes out/libphi.a and out/phi.h.
// Those of a further system have its name behind the stem: out/phi-aarch64-linux.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REQUEST_PLANOUTPUTS_H
#define PHIC_COMPILER_REQUEST_PLANOUTPUTS_H

#include "compiler/Options.h"
#include "compiler/link/Outputs.h"
#include "targets/Target.h"
#include "llvm/Support/Error.h"

namespace phic {

/// An error says which flags do not go together.
llvm::Expected<Outputs> planOutputs(const Options &options, const System &system, bool isFirst);

} // namespace phic

#endif // PHIC_COMPILER_REQUEST_PLANOUTPUTS_H
