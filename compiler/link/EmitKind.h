//===- EmitKind.h - What a model can be made into --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_EMITKIND_H
#define PHIC_COMPILER_LINK_EMITKIND_H

#include <cstdint>

namespace phic {

/// The kinds of --emit: a program, a static or shared library, one object, a library's C header.
enum class EmitKind : uint8_t { Exe, Lib, Shared, Obj, Header };

} // namespace phic

#endif // PHIC_COMPILER_LINK_EMITKIND_H
