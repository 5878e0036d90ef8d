//===- Unpoisoned.h - For fuzzers that link libMLIR ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_FUZZ_UNPOISONED_H
#define PHIC_TEST_FUZZ_UNPOISONED_H

/// LLVM's allocators poison memory where they are inlined into instrumented code, and libMLIR's are not. A fuzzer has one
/// file that includes this.
extern "C" const char *__asan_default_options() { return "allow_user_poisoning=0"; }

#endif // PHIC_TEST_FUZZ_UNPOISONED_H
