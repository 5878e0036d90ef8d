//===- EmitCode.cpp - Print a module's machine code ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For people and tests that look for instructions. The IR is left as it is.
//===----------------------------------------------------------------------===//
#include "targets/cpu/Passes.h"
#include "targets/cpu/code/Codegen.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {
#define GEN_PASS_DEF_EMITCODEPASS
#include "targets/cpu/Passes.h.inc"

namespace {

struct EmitCodePass : impl::EmitCodePassBase<EmitCodePass> {
  using EmitCodePassBase::EmitCodePassBase;

  void runOnOperation() override {
    auto codeKind = llvm::StringSwitch<std::optional<CodeKind>>(kind)
                        .Case("assembly", CodeKind::Assembly)
                        .Case("llvm", CodeKind::LlvmIr)
                        .Default(std::nullopt);
    const CpuTarget *found = cpuLevelByName(std::string(target));
    if (!found || !codeKind) {
      emitError(getOperation().getLoc()) << "no CPU level '" << target << "', or no kind of code '" << kind
                                         << "': kinds are assembly and llvm";
      return signalPassFailure();
    }
    auto bytes = emitCode(getOperation(), *found, *codeKind, systemOf(*found).triple);
    if (!bytes) {
      emitError(getOperation().getLoc()) << llvm::toString(bytes.takeError());
      return signalPassFailure();
    }
    llvm::outs().write(bytes->data(), bytes->size());
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace phic
