//===- StageFacts.cpp - What is known of a stage before its kernel is made -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Facts from the attributes that `layout` left.
//===----------------------------------------------------------------------===//
#include "targets/stages/StageFacts.h"
#include "dialects/plan/Entry.h"
#include "targets/layout/PanelsDialect.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {
namespace {

FailureOr<StageBuffer> bufferOfResult(plan::StageOp stage, unsigned index) {
  auto buffers = stage.getBuffersAttr();
  if (!buffers || index >= buffers.size())
    return stage.emitOpError("result ") << index << " has no buffer: run plan-memory first";
  auto attribute = cast<plan::BufferAttr>(buffers[index]);
  StageBuffer buffer{.space = attribute.getSpace() == plan::Space::Binding ? StageBuffer::Space::Binding
                                                                           : StageBuffer::Space::Arena};
  buffer.rowBytes = int64_t(attribute.getRowBytes());
  buffer.columns = columnsOf(stage.getResult(index));
  return buffer;
}

FailureOr<StageBuffer> bufferOfWeight(plan::StageOp stage, Value input) {
  std::optional<PackedLayout> layout = packedLayoutOf(input.getDefiningOp());
  if (!layout)
    return stage.emitOpError("reads a weight without a packed layout: run assign-packed-layouts first");
  StageBuffer buffer{.space = StageBuffer::Space::Weights};
  buffer.layout = *layout;
  buffer.columns = columnsOf(input);
  return buffer;
}

FailureOr<StageBuffer> bufferOfInput(plan::StageOp stage, Value input) {
  if (isa<BlockArgument>(input)) {
    StageBuffer buffer{.space = StageBuffer::Space::Binding};
    buffer.rowBytes = int64_t(plan::denseRowBytes(input.getType()));
    buffer.columns = columnsOf(input);
    return buffer;
  }
  if (auto producer = input.getDefiningOp<plan::StageOp>())
    return bufferOfResult(producer, cast<OpResult>(input).getResultNumber());
  return bufferOfWeight(stage, input);
}

std::string bufferKey(const StageBuffer &buffer) {
  return std::to_string(int(buffer.space)) + "," + std::to_string(buffer.rowBytes) + "," +
         std::to_string(buffer.columns) +
         (buffer.space == StageBuffer::Space::Weights ? "," + buffer.layout.name() : "") + ";";
}

} // namespace

FailureOr<StageFacts> StageFacts::of(plan::StageOp stage) {
  StageFacts facts;
  facts.stage = stage;
  facts.logitRows = stage.getLogitRows();
  facts.rows = plan::fixedRowsOf(stage);
  for (Value input : stage.getInputs()) {
    FailureOr<StageBuffer> buffer = bufferOfInput(stage, input);
    if (failed(buffer))
      return failure();
    facts.inputs.push_back(*buffer);
  }
  for (unsigned i = 0; i < stage.getNumResults(); ++i) {
    FailureOr<StageBuffer> buffer = bufferOfResult(stage, i);
    if (failed(buffer))
      return failure();
    facts.results.push_back(*buffer);
  }
  FlatSymbolRefAttr symbol;
  if (auto attend = facts.first<phiq::AttendOp>())
    symbol = attend.getCacheAttr();
  else if (auto append = facts.first<phiq::CacheAppendOp>())
    symbol = append.getCacheAttr();
  if (symbol) {
    auto cache = SymbolTable::lookupNearestSymbolFrom<phiq::CacheOp>(stage, symbol);
    if (!cache || !cache->hasAttr(plan::PlanDialect::kKeyOffset))
      return stage.emitOpError("uses a cache without a place: run plan-memory first");
    facts.cache = CacheFacts{int64_t(cache.getHeads()), int64_t(cache.getHeadDim()), cache.getElement().isF16(),
                             plan::slotOfCaches(stage->getParentOfType<func::FuncOp>())};
  }
  if (facts.isGrid())
    return facts;
  FailureOr<llvm::SmallVector<ColumnGroup>> groups = findColumnGroups(stage);
  if (failed(groups))
    return failure();
  facts.groups = std::move(*groups);
  return facts;
}

std::string StageFacts::key() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const StageBuffer &buffer : inputs)
    out << bufferKey(buffer);
  for (const StageBuffer &buffer : results)
    out << bufferKey(buffer);
  if (cache)
    out << "cache " << cache->heads << " " << cache->headDim << " " << cache->isHalf << " " << cache->slot << ";";
  llvm::DenseMap<Value, unsigned> numbers;
  auto number = [&](Value value) { return numbers.try_emplace(value, numbers.size()).first->second; };
  Block &body = plan::StageOp(stage).getBody().front();
  for (Value argument : body.getArguments())
    number(argument);
  if (isGrid())
    for (Type type : body.getArgumentTypes())
      out << type << ";";
  for (Operation &op : body) {
    out << op.getName();
    for (Value operand : op.getOperands())
      out << " " << number(operand);
    for (NamedAttribute attribute : op.getDiscardableAttrDictionary())
      out << " " << attribute.getName() << "=" << attribute.getValue();
    // The cache's name is the one attribute that differs between layers.
    for (NamedAttribute attribute : op.getAttrs())
      if (attribute.getName() != "cache")
        out << " " << attribute.getName() << "=" << attribute.getValue();
    for (Value result : op.getResults())
      out << ":" << number(result) << " " << result.getType();
    out << ";";
  }
  return text + (logitRows ? "logit_rows" : "");
}

} // namespace phic
