//===- NoDriver.cpp - A libcuda.so.1 that is none ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A library without the driver's functions, as an older driver lacks some.
//===----------------------------------------------------------------------===//
extern "C" int cuNothing;
int cuNothing = 0;
