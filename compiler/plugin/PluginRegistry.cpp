//===- PluginRegistry.cpp - What plugins have added ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects; a mistake is kept as a sentence rather than reported where it is made,
// since a plugin's function has nobody to report to.
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "dialects/phiq/AddedFormats.h"
#include "dialects/plan/Plan.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

using namespace mlir;

namespace phic {
namespace {

/// A plugin's patterns as a pass; its flag and summary are data, so there is no class a plugin.
struct PatternsPass : PassWrapper<PatternsPass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PatternsPass)
  PatternsPass(StringRef flag, StringRef summary, PluginRegistry::AddPatterns add)
      : flag(flag), summary(summary), add(std::move(add)) {}

  StringRef getArgument() const override { return flag; }
  StringRef getDescription() const override { return summary; }
  StringRef getName() const override { return flag; }
  std::unique_ptr<Pass> clonePass() const override { return std::make_unique<PatternsPass>(flag, summary, add); }

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    add(set);
    patterns = std::move(set);
    return success();
  }
  void runOnOperation() override {
    if (failed(applyPatternsGreedily(getOperation(), patterns))) {
      getOperation().emitError("the patterns of '") << flag << "' still match after many rounds";
      signalPassFailure();
    }
  }

  std::string flag, summary;
  PluginRegistry::AddPatterns add;
  FrozenRewritePatternSet patterns;
};

/// Whether another pass than this one has its flag.
bool flagIsTaken(const Pass &pass) {
  const PassInfo *known = PassInfo::lookup(pass.getArgument());
  if (!known)
    return false;
  OpPassManager passes(ModuleOp::getOperationName(), OpPassManager::Nesting::Implicit);
  auto ignore = [](const Twine &) { return failure(); };
  return failed(known->addToPipeline(passes, "", ignore)) || passes.size() != 1 ||
         passes.begin()->getTypeID() != pass.getTypeID();
}

/// Gives a context's phiq dialect the rows.
struct FormatRows : DialectExtension<FormatRows, phiq::PhiqDialect> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormatRows)
  explicit FormatRows(std::vector<BlockStorage> rows) : rows(std::move(rows)) {}
  void apply(MLIRContext *, phiq::PhiqDialect *dialect) const override { dialect->addInterface<AddedFormats>(rows); }
  std::vector<BlockStorage> rows;
};

/// Gives a context's plan dialect the rows.
struct FamilyRows : DialectExtension<FamilyRows, plan::PlanDialect> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FamilyRows)
  explicit FamilyRows(std::vector<std::function<void(Dialect &)>> rows) : rows(std::move(rows)) {}
  void apply(MLIRContext *, plan::PlanDialect *dialect) const override {
    for (const auto &add : rows)
      add(*dialect);
  }
  std::vector<std::function<void(Dialect &)>> rows;
};

} // namespace

void PluginRegistry::fail(const Twine &message) { errorList.push_back((origin() + " " + message).str()); }

void PluginRegistry::add(StringRef name, StringRef version, RegisterPlugin registerWith, PluginOptions options) {
  current = name.str();
  currentOptions = std::move(options);
  knownOptions.clear();
  unsigned before = registered, errorsBefore = unsigned(errorList.size());
  registerWith(*this);
  for (auto &[option, value] : currentOptions)
    if (!llvm::is_contained(knownOptions, option))
      fail("has no option '" + option + "'" +
           (knownOptions.empty() ? "; it has none" : "; it has " + llvm::join(knownOptions, ", ")));
  if (registered == before && errorList.size() == errorsBefore)
    fail("registers nothing: no pass, hook, format, importer or kernel");
  names.push_back((name + " " + version).str());
}

void PluginRegistry::addPass(PassAllocatorFunction make) {
  ++registered;
  std::unique_ptr<Pass> pass = make();
  if (pass->getArgument().empty())
    return fail("has a pass without a flag: override getArgument()");
  if (flagIsTaken(*pass))
    return fail("has a pass with the flag '" + pass->getArgument() + "', which another pass has");
  registerPass(make);
}

void PluginRegistry::addPatterns(StringRef flag, StringRef summary, AddPatterns patterns) {
  addPass([flag = flag.str(), summary = summary.str(), patterns = std::move(patterns)] {
    return std::make_unique<PatternsPass>(flag, summary, patterns);
  });
}

void PluginRegistry::addHook(Hook hook) {
  ++registered;
  if (hook.phase == (hook.isBefore ? Phase::Import : Phase::Link))
    errorList.push_back(hook.origin + ": there is no IR " + (hook.isBefore ? "before 'import'" : "after 'link'") +
                        " to run passes on");
  else
    hookList.push_back(std::move(hook));
}

std::vector<std::string> PluginRegistry::options(StringRef name) {
  if (!llvm::is_contained(knownOptions, name))
    knownOptions.push_back(name.str());
  std::vector<std::string> values;
  auto [begin, end] = currentOptions.equal_range(name.str());
  for (auto it = begin; it != end; ++it)
    values.push_back(it->second);
  return values;
}

std::string PluginRegistry::option(StringRef name, StringRef fallback) {
  std::vector<std::string> values = options(name);
  return values.empty() ? fallback.str() : values.back();
}

void PluginRegistry::addFormat(BlockStorage row) {
  ++registered;
  std::string name = "the format '" + row.name + "'";
  if (std::string error = checkBlockStorage(row); !error.empty())
    return fail(name + " " + error);
  for (const BlockStorage &other : formats)
    if (other.name == row.name || (row.ggufType && other.ggufType == row.ggufType))
      return fail(name + " has the name or GGUF type of another plugin's");
  formats.push_back(std::move(row));
}

void PluginRegistry::addImporter(std::shared_ptr<const Importer> importer) {
  ++registered;
  importerList.push_back(std::move(importer));
}

void PluginRegistry::addRow(const std::string &wrong, AddRow add) {
  ++registered;
  if (!wrong.empty())
    return fail(wrong);
  rows.push_back(std::move(add));
}

void PluginRegistry::addTo(DialectRegistry &registry) const {
  for (const auto &add : dialectAdders)
    add(registry);
  if (!formats.empty())
    registry.addExtension(TypeID::get<FormatRows>(), std::make_unique<FormatRows>(formats));
  if (!rows.empty())
    registry.addExtension(TypeID::get<FamilyRows>(), std::make_unique<FamilyRows>(rows));
}

void PluginRegistry::addTo(MLIRContext &context) const {
  DialectRegistry registry;
  addTo(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

} // namespace phic
