//===- StageArguments.cpp - The addresses that a kernel is given -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/stages/StageArguments.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"

using namespace mlir;

namespace phic {
namespace {

using Space = StageArgument::Space;

StageArgument ofResult(plan::StageOp stage, unsigned result) {
  auto buffer = cast<plan::BufferAttr>((*stage.getBuffers())[result]);
  if (buffer.getSpace() == plan::Space::Binding)
    return {Space::Binding, unsigned(buffer.getOffset())};
  return {Space::Arena, 0, buffer.getOffset()};
}

/// The packed weight, the buffer that its stage wrote, or the slot that says where the caller's is.
StageArgument ofInput(Value input) {
  Operation *producer = input.getDefiningOp();
  if (!producer)
    return {Space::Binding, plan::slotOfArgument(cast<BlockArgument>(input))};
  if (auto packed = producer->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked))
    return {Space::Weights, 0, packed.getOffset()};
  return ofResult(cast<plan::StageOp>(producer), cast<OpResult>(input).getResultNumber());
}

/// The caches a stage names, in the order of their first use.
SmallVector<StringAttr> cachesOf(plan::StageOp stage) {
  SmallVector<StringAttr> caches;
  for (Operation &op : stage.getBody().front())
    if (auto cache = op.getAttrOfType<FlatSymbolRefAttr>("cache");
        cache && !llvm::is_contained(caches, cache.getAttr()))
      caches.push_back(cache.getAttr());
  return caches;
}

} // namespace

SmallVector<StageArgument> argumentsOf(plan::StageOp stage) {
  SmallVector<StageArgument> arguments;
  for (Value input : stage.getInputs())
    arguments.push_back(ofInput(input));
  for (unsigned i = 0; i < stage.getNumResults(); ++i)
    arguments.push_back(ofResult(stage, i));
  const unsigned slot = plan::slotOfCaches(stage->getParentOfType<func::FuncOp>());
  for (StringAttr name : cachesOf(stage)) {
    auto cache = stage->getParentOfType<ModuleOp>().lookupSymbol<phiq::CacheOp>(name);
    for (StringRef key : {plan::PlanDialect::kKeyOffset, plan::PlanDialect::kValueOffset})
      arguments.push_back({Space::Context, slot, uint64_t(cast<IntegerAttr>(cache->getAttr(key)).getInt())});
  }
  return arguments;
}

SmallVector<plan::StageOp> stagesOf(ModuleOp module) {
  SmallVector<plan::StageOp> stages;
  module.walk([&](plan::StageOp stage) { stages.push_back(stage); });
  return stages;
}

} // namespace phic
