//===- ModelFacts.cpp - What a model says beside its graph -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace phic {

/// Each once, in their order: so many as there are tokens at most, however often a file names one.
static SmallVector<int32_t, 0> distinct(ArrayRef<int32_t> ids) {
  llvm::SetVector<int32_t> once(ids.begin(), ids.end());
  return once.takeVector();
}

void setModelFacts(ModuleOp module, const ModelFacts &facts) {
  Builder builder(module.getContext());
  auto real = [&](float value) { return builder.getF32FloatAttr(value); };
  const SamplingDefaults &sampling = facts.sampling;
  module->setAttr(phiq::PhiqDialect::kModel,
                  phiq::ModelAttr::get(module.getContext(), facts.name, facts.vocab, facts.contextMax, facts.ropeSwitch,
                                       builder.getBoolAttr(facts.prunedHead),
                                       builder.getDenseI32ArrayAttr(distinct(facts.stopIds)),
                                       real(sampling.temperature), real(sampling.topP), real(sampling.minP),
                                       real(sampling.repetitionPenalty), sampling.topK));
}

ModelFacts modelFacts(ModuleOp module) {
  auto model = module->getAttrOfType<phiq::ModelAttr>(phiq::PhiqDialect::kModel);
  if (!model)
    return {};
  auto real = [](FloatAttr value) { return float(value.getValueAsDouble()); };
  return {model.getName().str(),
          model.getVocab(),
          model.getContextMax(),
          model.getRopeSwitch(),
          model.getPrunedHead().getValue(),
          std::vector<int32_t>(model.getStopIds().asArrayRef()),
          {real(model.getTemperature()), real(model.getTopP()), real(model.getMinP()),
           real(model.getRepetitionPenalty()), model.getTopK()}};
}

std::string checkModelFacts(const ModelFacts &facts) {
  const std::pair<const char *, int64_t> counts[] = {
      {"vocabulary", facts.vocab}, {"context", facts.contextMax}, {"rope switch", facts.ropeSwitch}};
  for (auto [what, count] : counts)
    if (count < 0 || count > INT32_MAX)
      return std::string("a ") + what + " of " + std::to_string(count) + " tokens is not possible";
  for (int32_t id : facts.stopIds)
    if (id < 0)
      return "stop id " + std::to_string(id) + " is no token";
  return checkSampling(facts.sampling);
}

} // namespace phic
