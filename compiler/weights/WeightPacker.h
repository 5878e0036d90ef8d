//===- WeightPacker.h - The weight segment, streamed -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Produces the bytes of a program's weight segment in order of offset, a few
// panels a thread at a time: memory does not grow with the model, and the pages
// of the model's files are given back as they have been read.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_WEIGHTPACKER_H
#define PHIC_COMPILER_WEIGHTS_WEIGHTPACKER_H

#include "compiler/weights/WeightSink.h"
#include "compiler/weights/WeightStore.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace phic {

/// What becomes of a weight with a value that is not finite: an error that names it, or its bytes as they are.
enum class NonFinite : bool { Refuse, Keep };

/// Streams every weight and table of a module that has been through `layout`
/// (`plan.packed`), with zeros between them, up to plan.memory's weights_bytes; offsets count from `base` of the segment.
/// Packs with the threads of llvm::parallel::strategy; `sink` and `progress`, which is told the bytes written so far, are
/// called by one at a time.
llvm::Error packWeights(mlir::ModuleOp module, WeightStore &store, WeightSink &sink, uint64_t base,
                        llvm::function_ref<void(uint64_t written)> progress, NonFinite nonFinite = NonFinite::Refuse);

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_WEIGHTPACKER_H
