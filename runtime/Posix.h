//===- Posix.h - The system's own headers ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Linux and macOS call by the same names. For the files that implement Os.h only.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_POSIX_H
#define PHI_RUNTIME_POSIX_H

#if defined(__APPLE__)
#include "macos/LibSystem.h"
#else
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#endif

#endif // PHI_RUNTIME_POSIX_H
