//===- HeaderFile.h - A library's C header ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_HEADERFILE_H
#define PHIC_COMPILER_LINK_HEADERFILE_H

#include "compiler/link/ModelData.h"

namespace phic {

/// The header of the model whose query function is phi_query_<name>: `interface`, which is the text of phi/runtime.h (of a
/// graph, phi/graph.h behind it), so that the header needs no other file, then the function and the model's sizes as
/// constants; of a graph, also a typed function that runs it. Headers of several models can be included together.
std::string headerText(const ModelData &model, llvm::StringRef name, llvm::StringRef interface);

} // namespace phic

#endif // PHIC_COMPILER_LINK_HEADERFILE_H
