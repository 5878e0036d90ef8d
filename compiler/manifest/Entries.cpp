//===- Entries.cpp - What a model is asked for -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/manifest/Entries.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "targets/Target.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

using namespace mlir;

namespace phic {
namespace {

uint32_t elementOf(Type type) {
  if (type.isF32())
    return PHI_F32;
  if (type.isF16())
    return PHI_F16;
  auto integer = cast<IntegerType>(type);
  switch (integer.getWidth()) {
  case 1:
    return PHI_BOOL;
  case 4: // in a byte
  case 8:
    return integer.isUnsigned() ? PHI_U8 : PHI_I8;
  case 32:
    return PHI_I32;
  default:
    assert(integer.getWidth() == 64 && "verified: an element type that a binding can have");
    return PHI_I64;
  }
}

uint32_t kindOf(plan::BindingKind kind) {
  switch (kind) {
  case plan::BindingKind::Input:
    return PHI_INPUT;
  case plan::BindingKind::Result:
    return PHI_RESULT;
  case plan::BindingKind::State:
    return PHI_STATE;
  }
  llvm_unreachable("covered switch");
}

std::vector<int64_t> shapeOf(const plan::Binding &binding) {
  std::vector<int64_t> shape(binding.type.getShape());
  for (int64_t &size : shape)
    if (ShapedType::isDynamic(size))
      size = binding.isLogitRows ? PHI_DIM_LOGIT_ROWS : PHI_DIM_ROWS;
  return shape;
}

/// 0 where the plan says it.
int64_t mostRows(MClass mClass) {
  return mClass == MClass::Decode ? 1 : mClass == MClass::Verify ? int64_t(PHI_VERIFY_ROWS) : 0;
}

} // namespace

std::vector<BindingData> bindingsOf(ModuleOp planned) {
  std::vector<BindingData> bindings;
  for (const plan::Binding &binding : plan::bindingsOf(modelFunction(planned))) {
    const uint32_t kind = kindOf(binding.kind);
    if (binding.type)
      bindings.push_back({binding.name, shapeOf(binding), elementOf(binding.type.getElementType()), kind, binding.slot,
                          binding.nextSlot, binding.indexLimit});
    else
      bindings.push_back({binding.name, {PHI_DIM_CONTEXT}, PHI_U8, kind, binding.slot, binding.nextSlot});
  }
  return bindings;
}

std::vector<EntryData> entriesOf(ModuleOp planned) {
  func::FuncOp model = modelFunction(planned);
  std::vector<EntryData> entries;
  for (StringRef name : plan::entryNames(model))
    entries.push_back({name.str(), bindingsOf(planned), plan::slotCount(model), 1});
  if (entries.size() > 1)
    for (MClass mClass : kMClasses)
      entries[unsigned(mClass)].mostRows = mostRows(mClass);
  return entries;
}

StringRef bindingKindName(uint32_t kind) {
  constexpr StringRef kNames[] = {"input", "result", "state"};
  return kNames[kind];
}

StringRef elementName(uint32_t element) {
  constexpr StringRef kNames[] = {"f32", "f16", "i8", "u8", "i32", "i64", "bool"};
  return kNames[element];
}

Json bindingsJson(const std::vector<BindingData> &bindings) {
  Json json = Json::array();
  for (const BindingData &binding : bindings)
    json.push_back({{"kind", bindingKindName(binding.kind).str()},
                    {"name", binding.name},
                    {"element", elementName(binding.element).str()},
                    {"shape", shapeText(binding.shape)}});
  return json;
}

void printBindings(const Json &bindings, llvm::raw_ostream &os) {
  auto text = [](const Json &binding, const char *key) { return stringOr(binding, key, ""); };
  for (const Json &binding : bindings)
    os << "  " << llvm::left_justify(text(binding, "kind"), 7) << text(binding, "name") << "  "
       << text(binding, "element") << text(binding, "shape") << "\n";
}

std::string shapeText(ArrayRef<int64_t> shape) {
  auto text = [](int64_t size) -> std::string {
    return size == PHI_DIM_ROWS         ? "rows"
           : size == PHI_DIM_LOGIT_ROWS ? "wanted rows"
           : size == PHI_DIM_CONTEXT    ? "context"
                                        : std::to_string(size);
  };
  return "[" + llvm::join(llvm::map_range(shape, text), ", ") + "]";
}

} // namespace phic
