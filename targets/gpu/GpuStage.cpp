//===- GpuStage.cpp - What every kernel of a GPU begins with ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/gpu/GpuStage.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "phi/format.h"
#include "targets/gpu/GpuCode.h"
#include <cstddef>

using namespace mlir;

namespace phic::gpu_code {

GpuStage::GpuStage(GpuBuilder &b, const StageFacts &facts, Block::BlockArgListType parameters)
    : b(b), facts(facts), parameters(parameters) {
  // What is not used is not loaded: LLVM sees to that.
  auto field = [&](int64_t offset) { return b.load(b.getI64Type(), parameters[0], offset, /*constant=*/true); };
  rows = b.truncate(field(offsetof(phi_frame, rows)));
  past = b.truncate(field(offsetof(phi_frame, past)));
  total = b.truncate(field(offsetof(phi_frame, total)));
  logitRow0 = b.truncate(field(offsetof(phi_frame, logit_row0)));
  context = field(offsetof(phi_frame, context));
  for (auto [index, buffer] : llvm::enumerate(facts.inputs))
    if (buffer.space == StageBuffer::Space::Weights)
      markConstant(unsigned(index));
}

void GpuStage::markConstant(unsigned index) {
  auto function = cast<LLVM::LLVMFuncOp>(parameters.front().getOwner()->getParentOp());
  for (StringRef attribute : {LLVM::LLVMDialect::getNoAliasAttrName(), LLVM::LLVMDialect::getReadonlyAttrName()})
    function.setArgAttr(1 + index, attribute, b.getUnitAttr());
}

Value GpuStage::rowOf(Value base, Value row, int64_t rowBytes) {
  return b.offset(base, b.mul(b.extend(row), rowBytes));
}

Value GpuStage::headOf(Value base, Value head) {
  Value bytes = b.mul(context, facts.cache->headDim * facts.cache->elementBytes());
  return b.offset(base, b.mul(b.extend(head), bytes));
}

Value GpuStage::workspace(int64_t bytes) {
  auto function = cast<LLVM::LLVMFuncOp>(parameters.front().getOwner()->getParentOp());
  auto before = function->getAttrOfType<IntegerAttr>(kWorkspace);
  function->setAttr(kWorkspace, b.getI64IntegerAttr(std::max(bytes, before ? before.getInt() : 0)));
  return parameters.back();
}

Value GpuStage::loadCached(Value pointer, Value element) {
  const Scalar stored = facts.cache->isHalf ? Scalar::F16 : Scalar::F32;
  return b.loadNumber(stored, b.offset(pointer, b.mul(element, facts.cache->elementBytes())), 0, /*constant=*/false);
}

std::string defineGpuKernel(KernelTable &table, const StageFacts &facts, StringRef tileKey, StringRef name,
                            int64_t threads, function_ref<void(GpuStage &)> body) {
  plan::StageOp stage = facts.stage;
  const size_t count = 1 + argumentCountOf(stage);
  SmallVector<Type> parameters(count, LLVM::LLVMPointerType::get(stage.getContext(), kGlobal));
  return table.define((facts.key() + tileKey).str(), name, stage.getLoc(), LLVM::Linkage::External, parameters,
                      [&](KernelBuilder &builder, Block::BlockArgListType arguments) {
                        GpuBuilder b(builder);
                        auto function = cast<LLVM::LLVMFuncOp>(b.getInsertionBlock()->getParentOp());
                        function->setAttr(kThreads, b.getI32IntegerAttr(int32_t(threads)));
                        GpuStage s(b, facts, arguments);
                        body(s);
                      });
}

} // namespace phic::gpu_code
