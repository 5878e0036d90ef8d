//===- GridName.cpp - What kernels of ops on grids are called --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/stages/GridName.h"
#include "dialects/phiq/RowChain.h"
#include "targets/KernelName.h"

using namespace mlir;

namespace phic {

static std::string elementName(Type type) {
  const std::string bits = std::to_string(type.getIntOrFloatBitWidth());
  return type.isF32() ? "f32" : type.isInteger(1) ? "b1" : (isUnsignedInteger(type) ? "u" : "s") + bits;
}

static std::string workName(plan::StageOp stage) {
  if (std::optional<RowChain> chain = RowChain::of(stage.getBody().front())) {
    std::string name = "contract";
    for (const RowChain::Step &step : chain->steps)
      name += "_" + step.reader->getName().stripDialect().str();
    return name;
  }
  SmallVector<StringRef> names;
  if (!stage.getBody().front().getOps<phiq::ContractOp>().empty())
    names.push_back("contract");
  if (!stage.getBody().front().getOps<phiq::DepthwiseOp>().empty())
    names.push_back("depthwise");
  for (auto map : stage.getBody().front().getOps<phiq::MapOp>())
    if (names.size() < 4)
      names.push_back(phiq::stringifyMapFunction(map.getFunction()));
  if (!names.empty())
    return llvm::join(names, "_");
  Operation *op = stage.getBody().front().getTerminator()->getPrevNode();
  return isa<phiq::ReshapeOp>(op) ? "copy" : op->getName().stripDialect().str();
}

std::string gridKernelName(plan::StageOp stage, std::string_view isa) {
  auto type = cast<ShapedType>(stage.getResult(0).getType());
  return KernelName{.op = workName(stage),
                    .lhs = elementName(elementTypeOf(stage.getInputs().front())),
                    .out = elementName(type.getElementType()),
                    .shape = "n" + std::to_string(type.getNumElements()),
                    .isa = isa}
      .str();
}

} // namespace phic
