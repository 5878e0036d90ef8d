//===- BuildRequest.h - What is to be built, all words resolved *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options name systems, levels, files and formats; a request has them. It is made
// once, before anything of the model is read: all mistakes that a command line can
// have by itself are found here, and none is left for later.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REQUEST_BUILDREQUEST_H
#define PHIC_COMPILER_REQUEST_BUILDREQUEST_H

#include "compiler/Options.h"
#include "compiler/link/Outputs.h"
#include "targets/Levels.h"
#include "llvm/Support/Error.h"

namespace phic {

struct BuildRequest : CompileSettings {
  Phase first = Phase::Import, last = Phase::Link;
  std::vector<TargetChoice> targets; ///< outputs for each
  bool namesThisMachine = false;     ///< a level was chosen by `native`
  std::vector<Outputs> outputs;      ///< of each target; empty unless `last` is link and something is written
  std::string irFile = "-";          ///< for the IR of an earlier phase; "-": standard output
  std::string report;                ///< file, or "-"; empty: none
  bool isReportJson = false;

  /// Of all targets, each once.
  std::vector<const Target *> levels() const;
  /// Every file that a compilation without mistakes makes of the model.
  std::vector<std::string> writtenFiles() const;
  /// Empty: none.
  std::string reportFile() const { return report == "-" ? "/dev/stdout" : report; }
  /// The file of --dump-phases for the IR after `phase`.
  std::string dumpFile(Phase phase) const;
};

/// The words of --act: auto, and the modes that some family has kernels for.
std::vector<std::string> activationsOffered();

/// For --print-pipeline, which needs no model.
llvm::Expected<BuildRequest> resolvePipeline(const Options &options);
/// For `phic build`. An error is one of use.
llvm::Expected<BuildRequest> resolveBuild(const Options &options);
/// For `phic check`, which writes nothing.
llvm::Expected<BuildRequest> resolveCheck(const Options &options);

} // namespace phic

#endif // PHIC_COMPILER_REQUEST_BUILDREQUEST_H
