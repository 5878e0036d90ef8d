//===- IrFile.cpp - IR between phases, as a text ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/IrFile.h"
#include "compiler/Pipeline.h"
#include "compiler/files/InputFile.h"
#include "dialects/plan/Plan.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {
namespace {

/// On a module in a file: the phase it has been through.
constexpr llvm::StringLiteral kAfterPhase = "phiq.after";
constexpr llvm::StringLiteral kSplitMarker = "// -----\n";

/// One reading.
class IrReader {
public:
  using Fail = llvm::function_ref<ExitCode(ExitCode, const llvm::Twine &)>;
  IrReader(MLIRContext &context, const BuildRequest &request, Fail fail)
      : context(context), request(request), fail(fail) {}

  IrFile read() {
    IrFile file;
    auto text = readInput(request.model, kMostIrBytes);
    if (!text)
      file.code = fail(kExitUsage, llvm::toString(text.takeError()));
    else if (request.first <= Phase::Layout)
      file.code = readModule((*text)->getBuffer(), file.module);
    else if (request.first == Phase::Kernels)
      file.code = readFamilies((*text)->getBuffer(), file.families);
    else
      file.code = readLevels((*text)->getBuffer(), file.levels);
    return file;
  }

private:
  ExitCode readModule(StringRef text, OwningOpRef<ModuleOp> &module) {
    module = parseSourceString<ModuleOp>(text, &context, request.model);
    return module ? checkPhase(*module) : kExitModel;
  }
  ExitCode readFamilies(StringRef text, std::vector<FamilyModule> &families);
  ExitCode readLevels(StringRef text, std::vector<LevelModule> &levels);
  template <typename Add> ExitCode readPieces(StringRef text, Add add);
  ExitCode readOfFamily(StringRef text, OwningOpRef<ModuleOp> &module);
  ExitCode checkPhase(ModuleOp module);

  MLIRContext &context;
  const BuildRequest &request;
  Fail fail;
};

/// What is written by hand does not say after which phase it is.
ExitCode IrReader::checkPhase(ModuleOp module) {
  auto after = dyn_cast_or_null<StringAttr>(module->removeAttr(kAfterPhase));
  std::optional<Phase> phase = after ? phaseByName(after.getValue()) : std::nullopt;
  if (!phase && request.first > Phase::Layout && !module->hasAttr(plan::PlanDialect::kMemory))
    return fail(kExitModel,
                request.model + " is not IR after phase 'layout': it has no " + plan::PlanDialect::kMemory.str());
  if (!phase || int(*phase) + 1 == int(request.first))
    return kExitSuccess;
  return fail(kExitUsage, request.model + " is IR after phase '" + after.getValue() +
                              "'; it goes on with --start-from=" + std::string(phaseName(Phase(int(*phase) + 1))) +
                              ", not " + std::string(phaseName(request.first)));
}

/// A module without a family is the first backend's, as for single passes; one with another name is nobody's.
ExitCode IrReader::readOfFamily(StringRef text, OwningOpRef<ModuleOp> &module) {
  if (ExitCode code = readModule(text, module))
    return code;
  auto family = module->getOperation()->getAttrOfType<StringAttr>(plan::PlanDialect::kFamily);
  if (!family || backendByName(family.getValue()))
    return kExitSuccess;
  module->emitError("has no family of Backends.def as ") << plan::PlanDialect::kFamily;
  return kExitModel;
}

/// Every module of the text, one after the other.
template <typename Add> ExitCode IrReader::readPieces(StringRef text, Add add) {
  SmallVector<StringRef> pieces;
  text.split(pieces, kSplitMarker, /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  if (pieces.empty())
    return fail(kExitModel, request.model + " is empty: it has no module");
  for (StringRef piece : pieces) {
    OwningOpRef<ModuleOp> module;
    if (ExitCode code = readOfFamily(piece, module))
      return code;
    const Backend &backend = backendOf(*module);
    if (ExitCode code = add(backend, std::move(module)))
      return code;
  }
  return kExitSuccess;
}

ExitCode IrReader::readFamilies(StringRef text, std::vector<FamilyModule> &families) {
  return readPieces(text, [&](const Backend &backend, OwningOpRef<ModuleOp> module) {
    if (llvm::any_of(families, [&](const FamilyModule &known) { return known.backend == &backend; }))
      return fail(kExitModel, request.model + " has two modules of the family '" + backend.family() + "'");
    families.push_back({&backend, std::move(module)});
    return kExitSuccess;
  });
}

ExitCode IrReader::readLevels(StringRef text, std::vector<LevelModule> &levels) {
  return readPieces(text, [&](const Backend &backend, OwningOpRef<ModuleOp> module) {
    auto name = module->getOperation()->getAttrOfType<StringAttr>(plan::PlanDialect::kLevel);
    const Target *level = name ? levelByName(backend, name.getValue()) : nullptr;
    if (!level) {
      module->emitError("has no level of its family as ") << plan::PlanDialect::kLevel;
      return kExitModel;
    }
    levels.push_back({level, std::move(module)});
    return kExitSuccess;
  });
}

} // namespace

std::string printIr(ArrayRef<ModuleOp> modules, Phase after) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (ModuleOp module : modules) {
    os << (text.empty() ? StringRef() : StringRef(kSplitMarker));
    module->setAttr(kAfterPhase, StringAttr::get(module.getContext(), phaseName(after)));
    module.print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
    module->removeAttr(kAfterPhase);
    os << "\n";
  }
  return text;
}

IrFile readIrFile(MLIRContext &context, const BuildRequest &request, IrReader::Fail fail) {
  return IrReader(context, request, fail).read();
}

} // namespace phic
