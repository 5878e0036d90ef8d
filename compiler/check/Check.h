//===- Check.h - Everything about a model, nothing built -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes a model as far as it goes, through `kernels` where that is all the way,
// and gathers what a user wants to know before building. A problem ends only what
// depends on it: the tokenizer is looked at even if the graph cannot be imported.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_CHECK_CHECK_H
#define PHIC_COMPILER_CHECK_CHECK_H

#include "compiler/import/SourceFacts.h"
#include "compiler/link/EntryData.h"
#include "compiler/messages/Diagnostics.h"
#include "compiler/report/Prediction.h"
#include "compiler/request/BuildRequest.h"
#include "passes/precision/PrecisionReport.h"
#include <optional>

namespace phic {

/// --machine: this one where it can run the target; this one; the reference for the target. A device is predicted with a
/// machine that is named, or else with its reference.
enum class MachineChoice : uint8_t { Auto, This, Reference };
inline constexpr std::string_view kMachineChoices[] = {"auto", "this", "reference"};

struct CheckOptions {
  int64_t context = 0; ///< --ctx: tokens that memory is predicted for; 0: a program's default
  int threads = 0; ///< of the predicted program; 0: cores of this machine, or those of the reference
  MachineChoice machine = MachineChoice::Auto; ///< whose limits speed is predicted with
  std::string knownMachine; ///< one of Backend::machines(), for its family; empty: none is named
};

struct TokenizerFacts {
  uint64_t tableBytes = 0, chatBytes = 0;
  uint32_t ids = 0;
  size_t stopIds = 0;
};

struct CheckReport {
  ExitCode code = kExitSuccess; ///< of the first problem, as phic build would end
  std::vector<Finding> findings; ///< errors, warnings and remarks, all of them
  std::optional<SourceFacts> source;
  std::optional<PrecisionReport> precision; ///< formats and compute modes, from the precision phase on
  std::optional<TokenizerFacts> tokenizer; ///< empty: it has none, or one with an error
  std::optional<Prediction> prediction; ///< from the layout phase on
  std::vector<Prediction> devices; ///< likewise, for each further family
  std::vector<BindingData> bindings; ///< inputs, results and state, from the layout phase on
  int64_t chunkRows = 0;

  size_t errors() const;
};

CheckReport check(const BuildRequest &request, const CheckOptions &more);

} // namespace phic

#endif // PHIC_COMPILER_CHECK_CHECK_H
