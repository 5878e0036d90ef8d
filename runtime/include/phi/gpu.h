//===- gpu.h - What code for a GPU is ----------------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A GPU's level has entry points, which are native code of the host, and a blob, which its
// device loads: the text of its kernels, in the driver's language, and what is to be said
// of them. An entry point is a straight line of launches; nothing walks a plan.
//
// Offsets are of bytes from the blob's beginning.
//===----------------------------------------------------------------------===//
#ifndef PHI_GPU_H
#define PHI_GPU_H

#include "phi/format.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PHI_GPU_MAGIC 0x3130555047494850ull // "PHIGPU01"
#define PHI_GPU_MOST_ARGUMENTS 60 ///< of a kernel

typedef struct phi_gpu_code {
  uint64_t magic; ///< PHI_GPU_MAGIC
  uint64_t bytes; ///< of the whole blob
  uint32_t least; ///< what a device must have: of CUDA its compute capability, 80 for sm_80
  uint32_t language; ///< version of the text: of PTX 70 for 7.0
  uint64_t text; ///< where the kernels' text begins, compressed as zlib does
  uint64_t text_bytes; ///< of the text itself, without a zero behind it
  uint64_t packed_bytes; ///< of what lies there
  uint64_t kernels; ///< phi_gpu_kernel[kernel_count]
  uint64_t arguments; ///< phi_gpu_argument[argument_count]
  uint32_t kernel_count;
  uint32_t argument_count;
  uint64_t workspace_bytes; ///< of a session, zero at its start and after each stage
} phi_gpu_code;

typedef struct phi_gpu_kernel {
  uint64_t symbol; ///< where its name begins, which a zero ends
  uint32_t threads; ///< of a block, in one dimension
  uint32_t argument_count; ///< that each of its stages has
} phi_gpu_kernel;

/// What an argument's address is relative to.
enum phi_gpu_space {
  PHI_GPU_WEIGHTS = 0, ///< frame.weights
  PHI_GPU_ARENA = 1, ///< frame.arena
  PHI_GPU_BINDING = 2, ///< frame.bindings[slot]
  PHI_GPU_CONTEXT = 3, ///< frame.bindings[slot], where `offset` is for one token: times frame.context
  PHI_GPU_WORKSPACE = 4 ///< the session's, which only kernels know
};

typedef struct phi_gpu_argument {
  uint32_t space; ///< phi_gpu_space
  uint32_t slot;
  uint64_t offset;
} phi_gpu_argument;

/// Launches a stage's kernel on `columns` times `rows` blocks, columns along x. Its parameters are 64-bit addresses in
/// the device's memory: of the step's phi_frame, then of each argument, from `argument` on in the code's table; the last
/// is the workspace.
/// What an entry point of the family NAME calls is phi_launch_NAME, defined in its device's folder; the `frame` is the
/// one that the device gave to the entry, of whose `rows` and `logit_row0` the entry makes `rows`.
typedef void phi_gpu_launch(phi_frame *frame, int32_t stage, int32_t kernel, int32_t argument, int32_t columns,
                            int32_t rows);

#ifdef __cplusplus
}
static_assert(sizeof(phi_gpu_code) == 80, "written by the compiler");
static_assert(sizeof(phi_gpu_kernel) == 16, "written by the compiler");
static_assert(sizeof(phi_gpu_argument) == 16, "written by the compiler");
#endif

#endif // PHI_GPU_H
