//===- Processes.h - Functions in processes of their own -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_GRAPHS_PROCESSES_H
#define PHIC_TEST_GRAPHS_PROCESSES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <functional>
#include <string>

namespace phic::test {

/// Sends a line to the process that started this one.
using Report = std::function<void(const std::string &line)>;

/// Calls work(i, report) for every i below `count`, each in a fork of this process, `jobs` at a time. After each, here:
/// done(i, lines, death) with what it reported and how it ended, empty where it returned. Nobody takes longer than two
/// minutes.
void runInProcesses(size_t count, int jobs, llvm::function_ref<void(size_t, const Report &)> work,
                    llvm::function_ref<void(size_t, llvm::ArrayRef<std::string>, const std::string &)> done);

} // namespace phic::test

#endif // PHIC_TEST_GRAPHS_PROCESSES_H
