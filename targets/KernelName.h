//===- KernelName.h - Symbols that say what a kernel is --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     phi_<op>_<lhs>_<rhs>_<out>_<epilogue>_<MR>x<NR>x<KR>__<isa>
//
// and, for whole stages, the shape that makes the symbol unique: `_<shape>` before
// the ISA. Parts that do not apply are left out.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_KERNELNAME_H
#define PHIC_TARGETS_KERNELNAME_H

#include <cstdint>
#include <string>
#include <string_view>

namespace phic {

struct KernelName {
  std::string op = {};                 ///< "matmul", "attend", "rows"
  std::string lhs = {}, rhs = {}, out = {}; ///< formats: "s8b32", "u4b32f16", "f32"
  std::string epilogue = {};           ///< "none", "rope_append", ...
  int64_t MR = 0, NR = 0, KR = 0; ///< register tile; 0: not tiled, left out
  std::string shape = {};              ///< "n576k1536"; empty for a microkernel
  std::string_view isa = {};

  std::string str() const;
};

} // namespace phic

#endif // PHIC_TARGETS_KERNELNAME_H
