//===- Outputs.h - Which files a build writes ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `-o PATH` names the first kind of --emit exactly; all others lie beside it,
// with PATH's stem: the file name without a leading "lib" and without .a, .so,
// .dylib, .o or .h. `-o out/libphi.a --emit=lib,header` makes out/libphi.a and out/phi.h.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_OUTPUTS_H
#define PHIC_COMPILER_LINK_OUTPUTS_H

#include "compiler/Options.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace phic {

struct Output {
  EmitKind kind;
  std::string path;
};

struct Outputs {
  std::vector<Output> files;
  std::string weightsPath;  ///< of the sidecar; empty: the weights are embedded
  std::string name;         ///< the query function is phi_query_<name>

  /// Every path, the sidecar's last.
  std::vector<std::string> paths() const;
};

/// An error says which flags do not go together.
llvm::Expected<Outputs> planOutputs(const Options &options);

} // namespace phic

#endif // PHIC_COMPILER_LINK_OUTPUTS_H
