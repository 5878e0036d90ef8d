//===- Outputs.h - The files that a link writes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_OUTPUTS_H
#define PHIC_COMPILER_LINK_OUTPUTS_H

#include "compiler/link/EmitKind.h"
#include <string>
#include <vector>

namespace phic {

struct EmittedFile {
  EmitKind kind;
  std::string path;
};

struct Outputs {
  std::vector<EmittedFile> files;
  std::string weightsPath;  ///< of the sidecar; empty: the weights are embedded
  std::string name;         ///< the query function is phi_query_<name>

  /// Every path, the sidecar's last.
  std::vector<std::string> paths() const {
    std::vector<std::string> all;
    for (const EmittedFile &file : files)
      all.push_back(file.path);
    if (!weightsPath.empty())
      all.push_back(weightsPath);
    return all;
  }
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_OUTPUTS_H
