//===- ModelData.cpp - The program's one constant struct ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds an LLVM module of constants and emits it as an object:
//
//     @phi_the_model = constant { i32 160, i32 3, ptr @name, ... }, section ".phi_model"
//     @tokenizer = internal constant [N x i8] ..., section ".phi_tokenizer"
//     @weights = internal constant [64 x i8] zeroinitializer, section ".lrodata.phi_weights"
//
// The last only stands for the weights: the linker gives it its address, writing
// the file its bytes. It is a large section, which nothing refers to but by 64 bits.
// In Mach-O it is an object by itself (MachoWeights.h).
//===----------------------------------------------------------------------===//
#include "compiler/link/ModelData.h"
#include "compiler/files/Console.h"
#include "compiler/link/MachoWeights.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"

namespace phic {
namespace {

using llvm::Constant;

/// Where the parts go. The struct holds pointers, which macOS's loader sets; nobody writes it afterwards.
struct SectionNames {
  const char *model, *tokenizer;
};
constexpr SectionNames kElfSections = {".phi_model", ".phi_tokenizer"};
constexpr SectionNames kMachoSections = {"__DATA_CONST,__phi_model", "__TEXT,__phi_tokenizer"};

class ModelModule {
public:
  ModelModule(llvm::Module &module, ObjectFormat format)
      : module(module), format(format), names(format == ObjectFormat::Elf ? kElfSections : kMachoSections),
        context(module.getContext()), i32(llvm::Type::getInt32Ty(context)), i64(llvm::Type::getInt64Ty(context)),
        pointer(llvm::PointerType::get(context, 0)) {}

  void build(const ModelData &model, uint64_t manifestHash);

private:
  Constant *word(uint32_t value) { return llvm::ConstantInt::get(i32, value); }
  Constant *half(uint16_t value) { return llvm::ConstantInt::get(llvm::Type::getInt16Ty(context), value); }
  Constant *quad(uint64_t value) { return llvm::ConstantInt::get(i64, value); }
  Constant *real(float value) { return llvm::ConstantFP::get(context, llvm::APFloat(value)); }
  Constant *record(llvm::ArrayRef<Constant *> fields) { return llvm::ConstantStruct::getAnon(context, fields); }

  /// A private constant; null for no bytes, as phi_model wants it.
  llvm::GlobalVariable *keep(Constant *value, llvm::StringRef name, uint64_t align);
  Constant *string(llvm::StringRef text);
  /// Of the model's: a program prints it as it is.
  Constant *name(llvm::StringRef name) { return string(printableName(name)); }
  Constant *bytes(llvm::StringRef bytes, llvm::StringRef name, llvm::StringRef section);
  Constant *table(llvm::StringRef table, llvm::StringRef name) { return bytes(table, name, names.tokenizer); }
  Constant *array(llvm::ArrayRef<Constant *> elements, llvm::StringRef name);
  Constant *device(llvm::StringRef family);
  Constant *variants(const ModelData &model);
  Constant *stages(const PlanData &plan);
  llvm::GlobalVariable *plan(const PlanData &plan);
  Constant *weights(const ModelData &model);
  Constant *entries(const ModelData &model);
  Constant *bindings(llvm::ArrayRef<BindingData> bindings);
  Constant *code(llvm::ArrayRef<std::string> symbols);

  llvm::Module &module;
  ObjectFormat format;
  const SectionNames &names;
  llvm::LLVMContext &context;
  llvm::IntegerType *i32, *i64;
  llvm::PointerType *pointer;
};

llvm::GlobalVariable *ModelModule::keep(Constant *value, llvm::StringRef name, uint64_t align) {
  auto *global = new llvm::GlobalVariable(module, value->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::InternalLinkage, value, name);
  global->setAlignment(llvm::Align(align));
  return global;
}

Constant *ModelModule::string(llvm::StringRef text) {
  return keep(llvm::ConstantDataArray::getString(context, text, /*AddNull=*/true), "string", 1);
}

Constant *ModelModule::bytes(llvm::StringRef bytes, llvm::StringRef name, llvm::StringRef section) {
  if (bytes.empty())
    return llvm::ConstantPointerNull::get(pointer);
  auto *global = keep(llvm::ConstantDataArray::getString(context, bytes, /*AddNull=*/false), name, 64);
  global->setSection(section);
  return global;
}

Constant *ModelModule::array(llvm::ArrayRef<Constant *> elements, llvm::StringRef name) {
  if (elements.empty())
    return llvm::ConstantPointerNull::get(pointer);
  auto *type = llvm::ArrayType::get(elements.front()->getType(), elements.size());
  return keep(llvm::ConstantArray::get(type, elements), name, 8);
}

Constant *ModelModule::bindings(llvm::ArrayRef<BindingData> bindings) {
  llvm::SmallVector<Constant *> elements;
  for (const BindingData &binding : bindings) {
    llvm::SmallVector<Constant *> shape;
    for (int64_t size : binding.shape)
      shape.push_back(quad(uint64_t(size)));
    elements.push_back(
        record({name(binding.name), array(shape, "shape"), word(shape.size()), word(binding.element),
                word(binding.kind), word(binding.slot), word(binding.nextSlot), word(binding.indexLimit)}));
  }
  return array(elements, "bindings");
}

/// Neighbours with equal bindings share a table.
Constant *ModelModule::entries(const ModelData &model) {
  llvm::SmallVector<Constant *> elements;
  const std::vector<BindingData> *last = nullptr;
  Constant *table = nullptr;
  for (const EntryData &entry : model.entries) {
    if (!last || *last != entry.bindings)
      table = bindings(entry.bindings);
    last = &entry.bindings;
    elements.push_back(record({string(entry.name), table, word(entry.bindings.size()), word(entry.slotCount),
                               quad(uint64_t(entry.mostRows))}));
  }
  return array(elements, "entries");
}

Constant *ModelModule::code(llvm::ArrayRef<std::string> symbols) {
  auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, i32}, /*isVarArg=*/false);
  llvm::SmallVector<Constant *> functions;
  for (const std::string &symbol : symbols)
    functions.push_back(llvm::cast<Constant>(module.getOrInsertFunction(symbol, type).getCallee()));
  return array(functions, "code");
}

/// Of the runtime, where it is what pulls that device's code into the program: a device without a plan is not linked.
Constant *ModelModule::device(llvm::StringRef family) {
  auto *table = llvm::cast<llvm::GlobalVariable>(
      module.getOrInsertGlobal(("phi_device_" + family).str(), llvm::Type::getInt8Ty(context)));
  table->setVisibility(llvm::GlobalValue::HiddenVisibility);
  return table;
}

Constant *ModelModule::variants(const ModelData &model) {
  llvm::SmallVector<Constant *> plans, elements;
  for (const PlanData &planned : model.plans)
    plans.push_back(plan(planned));
  for (const VariantData &variant : model.variants)
    elements.push_back(record({string(variant.name), plans[variant.plan], quad(variant.features), code(variant.entries),
                               bytes(variant.blob, "blob", /*section=*/""), quad(variant.blob.size())}));
  return array(elements, "variants");
}

llvm::GlobalVariable *ModelModule::plan(const PlanData &plan) {
  constexpr uint64_t kLine = 64; // threads' scratch memory begins on a cache line each
  return keep(record({device(plan.family), quad(plan.weightsOffset), quad(plan.weightsBytes), quad(plan.arenaBytes),
                      quad(llvm::alignTo(plan.scratchBytes, kLine)), quad(plan.stateBytesPerToken), stages(plan),
                      word(plan.stages.size()), word(plan.chunkRows), word(plan.contextStep), word(/*reserved=*/0)}),
              "plan", 8);
}

Constant *ModelModule::stages(const PlanData &plan) {
  llvm::SmallVector<Constant *> elements;
  for (const StageData &stage : plan.stages) {
    llvm::SmallVector<Constant *> outputs;
    for (const phi_stage_output &output : stage.outputs)
      outputs.push_back(record({half(output.space), half(output.group), word(output.row_bytes), quad(output.offset),
                                word(output.strips), word(output.rows)}));
    elements.push_back(
        record({name(stage.name), array(outputs, "outputs"), word(outputs.size()), word(stage.logitRows)}));
  }
  return array(elements, "stages");
}

Constant *ModelModule::weights(const ModelData &model) {
  if (!model.sidecar.empty())
    return llvm::ConstantPointerNull::get(pointer);
  constexpr uint64_t kPage = 4096;
  auto *type = llvm::ArrayType::get(llvm::Type::getInt8Ty(context), sizeof(phi_weights_trailer));
  if (format == ObjectFormat::MachO) {
    auto *elsewhere = llvm::cast<llvm::GlobalVariable>(module.getOrInsertGlobal(kMachoWeightsSymbol, type));
    elsewhere->setVisibility(llvm::GlobalValue::HiddenVisibility);
    return elsewhere;
  }
  auto *global = keep(llvm::ConstantAggregateZero::get(type), "weights", kPage);
  global->setSection(".lrodata.phi_weights");
  return global;
}

void ModelModule::build(const ModelData &model, uint64_t manifestHash) {
  llvm::SmallVector<Constant *> stopIds;
  for (int32_t id : model.stopIds)
    stopIds.push_back(word(id));
  const phi_generation &generation = model.generation;
  Constant *value = record({
      word(sizeof(phi_model)),
      word(PHI_FORMAT_VERSION),
      name(model.name),
      string(model.phicVersion),
      word(model.vocab),
      word(model.contextMax),
      word(model.contextDefault),
      word(model.ropeSwitch),
      word(model.prunedHead),
      word(model.variants.size()),
      variants(model),
      weights(model),
      quad(model.weightsBytes),
      quad(/*weights_hash, set when they are written=*/0),
      table(model.tokenizer, "tokenizer"),
      quad(model.tokenizer.size()),
      table(model.chat, "chat"),
      quad(model.chat.size()),
      array(stopIds, "stop_ids"),
      word(stopIds.size()),
      word(/*reserved=*/0),
      record({real(generation.temperature), real(generation.top_p), real(generation.min_p), word(generation.top_k),
              real(generation.repetition_penalty)}),
      model.sidecar.empty() ? llvm::ConstantPointerNull::get(pointer) : string(model.sidecar),
      entries(model),
      word(model.entries.size()),
      word(/*reserved=*/0),
      quad(manifestHash),
  });
  assert(module.getDataLayout().getTypeAllocSize(value->getType()) == sizeof(phi_model) && "fields as in phi/format.h");
  auto *global = keep(value, "phi_the_model", 64);
  global->setLinkage(llvm::GlobalValue::ExternalLinkage);
  global->setSection(names.model);
  global->setVisibility(llvm::GlobalValue::HiddenVisibility);
}

} // namespace

bool ModelData::hasSteps() const {
  return llvm::any_of(entries, [](const EntryData &entry) {
    return llvm::any_of(entry.bindings, [](const BindingData &b) { return !b.shape.empty() && b.shape[0] < 0; });
  });
}

llvm::Expected<llvm::SmallVector<char, 0>> emitModelObject(const ModelData &model, uint64_t manifestHash,
                                                           const System &system) {
  llvm::InitializeAllTargetInfos();
  llvm::InitializeAllTargets();
  llvm::InitializeAllTargetMCs();
  llvm::InitializeAllAsmPrinters();
  llvm::Triple triple{llvm::StringRef(system.triple)};
  std::string reason;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return llvm::createStringError("cannot emit code for %s: %s", triple.str().c_str(), reason.c_str());
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, /*CPU=*/"", /*Features=*/"", {}, llvm::Reloc::PIC_));

  llvm::LLVMContext context;
  llvm::Module module("model", context);
  module.setTargetTriple(triple);
  module.setDataLayout(machine->createDataLayout());
  ModelModule(module, system.format).build(model, manifestHash);

  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream out(object);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::ObjectFile))
    return llvm::createStringError("no object files for %s", triple.str().c_str());
  passes.run(module);
  return object;
}

} // namespace phic
