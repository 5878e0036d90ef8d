//===- Entry.cpp - What the model's entries bind ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/plan/Entry.h"
#include "dialects/phiq/RowOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic::plan {
namespace {

/// Argument attribute, an integer: Binding::indexLimit.
constexpr llvm::StringLiteral kIndexLimit = "plan.index_limit";

uint32_t indexLimitOf(func::FuncOp model, unsigned argument) {
  auto limit = model.getArgAttrOfType<IntegerAttr>(argument, kIndexLimit);
  Type element = getElementTypeOrSelf(model.getArgument(argument).getType());
  const bool holdsIndices = element.isInteger(32) || element.isInteger(64);
  return limit && holdsIndices ? uint32_t(limit.getValue().getLimitedValue(INT32_MAX)) : 0;
}

BindingAttr bindingOf(DictionaryAttr attributes) {
  return attributes ? attributes.getAs<BindingAttr>(PlanDialect::kBinding) : BindingAttr();
}

/// Whether a stage makes this value from the wanted rows only.
bool hasLogitRows(Value value) {
  auto stage = value.getDefiningOp<StageOp>();
  return stage && stage.getLogitRows();
}

/// The slot of the result that a state's argument becomes.
unsigned nextSlotOf(func::FuncOp model, StringRef name, unsigned otherwise) {
  for (unsigned i = 0; i < model.getNumResults(); ++i)
    if (auto binding = bindingOf(model.getResultAttrDict(i)); binding && binding.getName() == name)
      return slotOfResult(model, i);
  return otherwise;
}

} // namespace

void nameArgument(func::FuncOp model, unsigned argument, BindingKind kind, StringRef name) {
  model.setArgAttr(argument, PlanDialect::kBinding, BindingAttr::get(model.getContext(), kind, name));
}

void limitArgument(func::FuncOp model, unsigned argument, uint32_t indexLimit) {
  model.setArgAttr(argument, kIndexLimit, Builder(model.getContext()).getI32IntegerAttr(int32_t(indexLimit)));
}

void nameResult(func::FuncOp model, unsigned result, BindingKind kind, StringRef name) {
  model.setResultAttr(result, PlanDialect::kBinding, BindingAttr::get(model.getContext(), kind, name));
}

SmallVector<Binding> bindingsOf(func::FuncOp model) {
  SmallVector<Binding> inputs, results, states;
  for (BlockArgument argument : model.getArguments()) {
    unsigned slot = slotOfArgument(argument);
    auto given = bindingOf(model.getArgAttrDict(slot));
    Binding binding{given ? given.getKind() : BindingKind::Input,
                    given ? given.getName().str() : "arg" + std::to_string(slot),
                    cast<RankedTensorType>(argument.getType()), slot, slot};
    binding.indexLimit = indexLimitOf(model, slot);
    if (binding.kind == BindingKind::State)
      binding.nextSlot = nextSlotOf(model, binding.name, slot);
    (binding.kind == BindingKind::State ? states : inputs).push_back(std::move(binding));
  }
  Operation *terminator = model.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    unsigned slot = slotOfResult(model, i);
    auto given = bindingOf(model.getResultAttrDict(i));
    if (given && given.getKind() == BindingKind::State)
      continue;
    results.push_back({BindingKind::Result, given ? given.getName().str() : "result" + std::to_string(i),
                       cast<RankedTensorType>(value.getType()), slot, slot, hasLogitRows(value)});
  }
  if (!model->getParentOfType<ModuleOp>().getOps<phiq::CacheOp>().empty())
    states.push_back({BindingKind::State, "kv", {}, slotOfCaches(model), slotOfCaches(model)});
  inputs.append(std::move(results));
  inputs.append(std::move(states));
  return inputs;
}

unsigned slotCount(func::FuncOp model) {
  return slotOfCaches(model) + !model->getParentOfType<ModuleOp>().getOps<phiq::CacheOp>().empty();
}

ArrayRef<llvm::StringLiteral> entryNames(func::FuncOp model) {
  static constexpr llvm::StringLiteral kOfSteps[] = {"decode", "verify", "prefill"}, kOfOne[] = {"run"};
  return hasSteps(model) ? ArrayRef(kOfSteps) : ArrayRef(kOfOne);
}

uint64_t denseRowBytes(Type type) {
  auto shaped = cast<ShapedType>(type);
  uint64_t bytes = llvm::divideCeil(shaped.getElementTypeBitWidth(), 8);
  for (int64_t size : shaped.getShape().drop_front(std::min<size_t>(1, shaped.getRank())))
    bytes *= uint64_t(size);
  return bytes;
}

bool hasSteps(func::FuncOp model) {
  return llvm::any_of(model.getArgumentTypes(), [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return shaped && shaped.hasRank() && shaped.getRank() > 0 && shaped.isDynamicDim(0);
  });
}

std::optional<int64_t> fixedRowsOf(StageOp stage) {
  if (stage->getNumResults() == 0)
    return std::nullopt;
  auto type = cast<RankedTensorType>(stage->getResult(0).getType());
  if (type.getRank() == 0)
    return 1;
  return type.isDynamicDim(0) ? std::nullopt : std::optional(type.getDimSize(0));
}

} // namespace phic::plan
