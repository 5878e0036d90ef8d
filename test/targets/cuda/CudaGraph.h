//===- CudaGraph.h - A graph's stages on the emulator ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_TARGETS_CUDA_CUDAGRAPH_H
#define PHIC_TEST_TARGETS_CUDA_CUDAGRAPH_H

#include "compiler/Options.h"
#include "llvm/Support/Error.h"

namespace phic {

/// Compiles an ONNX file for the lowest CUDA level, runs its kernels on the stand-in driver, on numbers of no meaning, and
/// holds each stage to its bound, on what the ones before have made. An error says what went wrong where.
llvm::Error checkOnEmulator(const Options &options);

} // namespace phic

#endif // PHIC_TEST_TARGETS_CUDA_CUDAGRAPH_H
