//===- RegionCode.h - A region as a function on pointers -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes Halide's code and makes it a citizen of our LLVM modules: one function
// `void name(ptr...)` without halide_buffer_t, attributes or metadata, whose
// floating-point operations are fixed once and for all callers.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_REGIONS_REGIONCODE_H
#define PHIC_TARGETS_CPU_REGIONS_REGIONCODE_H

#include "targets/Backend.h"
#include "targets/cpu/CpuTarget.h"
#include "targets/cpu/regions/RegionRow.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace phic {

/// A module with nothing but `void <symbol>(ptr...)` (see RowRegion), always inlined, and intrinsics. Equal regions give
/// equal modules, whatever the process compiled before. Its target triple and data layout are Halide's: the caller
/// sets its own. With a row, the plugin builds it; what is wrong then is a PluginCodeError.
llvm::Expected<std::unique_ptr<llvm::Module>> compileRegion(const RowRegion &region, llvm::StringRef symbol,
                                                            const CpuTarget &target, llvm::LLVMContext &context,
                                                            const RegionRow *row = nullptr);

} // namespace phic

#endif // PHIC_TARGETS_CPU_REGIONS_REGIONCODE_H
