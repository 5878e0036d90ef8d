//===- Ptx.cpp - Kernels to PTX --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLVM's NVPTX: products and sums are printed as they are in the IR, `mul.rn` and `add.rn`, which ptxas does not contract.
//===----------------------------------------------------------------------===//
#include "targets/cuda/Ptx.h"
#include "targets/gpu/GpuCode.h"

using namespace mlir;

namespace phic {

llvm::Expected<std::string> emitPtx(ModuleOp module, const CudaLevel &level, CodeKind kind) {
  auto machine = makeMachine("nvptx64-nvidia-cuda", level.name, "+ptx" + std::to_string(level.ptx));
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  auto code = translateCode(*gpu_code::deviceCodeOf(module), context, **machine);
  if (!code)
    return code.takeError();
  optimizeCode(**code, **machine);
  auto text = printCode(**code, **machine, kind);
  if (!text)
    return text.takeError();
  return std::string(text->begin(), text->end());
}

} // namespace phic
