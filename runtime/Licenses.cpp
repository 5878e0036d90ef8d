//===- Licenses.cpp - What is linked into a program --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The notices that must go wherever a program goes. ctest `licenses` compares them with NOTICE, and both with what is linked.
//===----------------------------------------------------------------------===//
#include "Flags.h"

namespace phi {

const char *const kLicenses = "This program holds:\n\n"
                              "the runtime and the kernels, by phic: Apache-2.0 WITH LLVM-exception\n"
#if defined(__linux__)
                              "\nthe C library, musl:\n\n"
                              "musl as a whole, Copyright (c) 2005-2020 Rich Felker, et al.\n"
                              "x86_64 threads, Copyright (c) 2011-2012 Nicholas J. Kain\n"
                              "aarch64 strings, Copyright (c) 2012-2018 Arm Limited\n"
                              "\n"
                              "\n"
#endif
    ;

} // namespace phi
