//===- CompileCache.h - Compilations that were done before -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Around one compilation: its key, a look into the store before it, and an entry
// after it. The key is phic itself (build ids, runtime files), every flag but those
// that say where to write, and the model's main file, all by content; docs/decisions
// has what is kept and why. Output is the same bytes with and without.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_CACHE_COMPILECACHE_H
#define PHIC_COMPILER_CACHE_COMPILECACHE_H

#include "compiler/files/InputFiles.h"
#include "compiler/files/OutputFiles.h"
#include "compiler/import/ModelPath.h"
#include "compiler/request/BuildRequest.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace llvm {
class raw_ostream;
}

namespace phic {

/// Whether the request asks for a cache, and for nothing but outputs: IR is made anew each time.
bool wantsCache(const BuildRequest &request);

/// Does what `compile(log)` does, which has to tell `inputs` what it reads and writes what is `planned`: writes what an
/// equal compilation made before, or compiles and keeps the outputs. `importers` are those of the plugins that `request` names.
ExitCode compileCached(const BuildRequest &request, AddedImporters importers, InputFiles &inputs, OutputFiles &planned,
                       llvm::raw_ostream &log, llvm::function_ref<ExitCode(llvm::raw_ostream &)> compile);

/// Keeps the cache below its limit after something else than outputs was put there.
void pruneCache(const BuildRequest &request);

} // namespace phic

#endif // PHIC_COMPILER_CACHE_COMPILECACHE_H
