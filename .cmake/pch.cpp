//===- pch.cpp - Compiles pch.h once ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every MLIR part reuses the precompiled header that this file builds.
