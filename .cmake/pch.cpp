// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles pch.h once; every MLIR part reuses it.
