//===- AbacusBackend.cpp - The backend of abaci ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Differs from the CPU's in everything that a backend chooses; see ../README.md.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "mlir/Pass/PassManager.h"
#include "targets/Backend.h"
#include "test/targets/abacus/Program.h"
#include "test/targets/abacus/backend/AbacusDialect.h"
#include "test/targets/abacus/backend/Passes.h"
#include <cstring>

using namespace mlir;

namespace phic {
namespace {

constexpr Target kLevel = {"abacus", "wooden", "wooden", /*features=*/0};

class AbacusBackend final : public Backend {
public:
  StringRef family() const override { return kLevel.family; }
  std::vector<const Target *> levels() const override { return {&kLevel}; }
  bool runsOn(const Target &, const System &system) const override { return system.format == ObjectFormat::Elf; }
  bool runsHere(const Target &) const override { return true; }
  bool wantsLoader() const override { return true; } // as devices with drivers do
  void registerDialects(DialectRegistry &registry) const override { registry.insert<abacus::AbacusDialect>(); }
  void registerPasses() const override { registerPhicAbacusPasses(); }

  plan::WeightLayout weightLayout(const WeightUse &use, std::string *) const override {
    const int64_t width = use.kind == WeightUse::Kind::Matrix ? 5 : 1;
    auto block = dyn_cast<phiq::BlockType>(use.type.getElementType());
    return abacus::StripsAttr::get(use.type.getContext(), width, block ? block.getFormat().block : 0,
                                   block && block.getFormat().min != Scalar::None);
  }

  plan::CacheLayoutAttr cacheLayout(phiq::CacheOp cache) const override {
    return plan::CacheLayoutAttr::get(cache.getContext(), /*strips=*/1, /*key_group=*/4, /*value_group=*/2,
                                      /*context_step=*/12);
  }

  RowLayout rowLayout(ShapedType rows) const override { return {(4 * rows.getShape().back() + 63) / 64 * 64}; }

  ArrayRef<ComputeMode> modes() const override {
    static constexpr ComputeMode kModes[] = {ComputeMode::F32};
    return kModes;
  }
  int64_t chunkRows() const override { return 20; }
  int64_t chunkStep() const override { return 1; }
  MachineRates referenceMachine(const Target &) const override { return {"a practised hand", false, 0, 8, 1, 1}; }
  std::vector<KnownMachine> machines() const override {
    // Memory for the model of the tests with 64 tokens, and not with 512.
    return {{"schoolroom", {&kLevel}, {"thirty children", false, 0, 60, 1e6, 1e6, /*stageSeconds=*/4, 800000}}};
  }

  void addKernelPasses(OpPassManager &passes, const Target &, const KernelOptions &) const override {
    passes.addPass(createEncodeStagesPass());
  }
  void addTargetPasses(OpPassManager &, const Target &) const override {}
  llvm::Expected<LevelCode> emitCode(ModuleOp module, const Target &level, const System &system) const override;
  std::string generatorOf(ModuleOp, StringRef) const override { return "abacus"; }
};

llvm::Expected<LevelCode> AbacusBackend::emitCode(ModuleOp module, const Target &, const System &) const {
  SmallVector<DenseI64ArrayAttr> stages;
  for (auto stage : modelFunction(module).getOps<plan::StageOp>())
    stages.push_back(stage->getAttrOfType<DenseI64ArrayAttr>(abacus::AbacusDialect::kCode));
  std::vector<uint64_t> words(sizeof(AbacusHeader) / sizeof(uint64_t) + stages.size());
  const size_t table = words.size() - stages.size();
  for (auto [index, code] : llvm::enumerate(stages)) {
    words[table + index] = words.size();
    words.push_back(uint64_t(code.size()));
    words.insert(words.end(), code.asArrayRef().begin(), code.asArrayRef().end());
  }
  auto scratch = module->getAttrOfType<IntegerAttr>(abacus::AbacusDialect::kScratch);
  const AbacusHeader header{kAbacusMagic, words.size(), stages.size(), uint64_t(scratch.getInt())};
  std::memcpy(words.data(), &header, sizeof(header));
  LevelCode code;
  code.blob.resize(words.size() * sizeof(uint64_t));
  std::memcpy(code.blob.data(), words.data(), code.blob.size());
  return code;
}

} // namespace

const Backend &abacusBackend() {
  static const AbacusBackend backend;
  return backend;
}

} // namespace phic
