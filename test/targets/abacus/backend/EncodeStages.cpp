//===- EncodeStages.cpp - Stages as instructions ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One instruction an op, in the order of the stage. What a stage makes for itself lies in
// scratch memory, a place for each value.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "mlir/IR/Builders.h"
#include "targets/Target.h"
#include "test/targets/abacus/Program.h"
#include "test/targets/abacus/backend/AbacusDialect.h"
#include "test/targets/abacus/backend/Passes.h"
#include "llvm/ADT/bit.h"

namespace phic {
#define GEN_PASS_DEF_ENCODESTAGESPASS
#include "test/targets/abacus/backend/Passes.h.inc"

namespace {
using namespace mlir;
using Words = SmallVector<int64_t>;

int64_t columnsOf(Value value) { return cast<ShapedType>(value.getType()).getShape().back(); }
int64_t realWord(float value) { return llvm::bit_cast<uint32_t>(value); }

/// Takes any words and enumerators, in order.
template <typename... Fields> void append(Words &words, Fields... fields) { (words.push_back(int64_t(fields)), ...); }

class StageEncoder {
public:
  StageEncoder(plan::StageOp stage, ModuleOp module, int64_t chunkRows)
      : stage(stage), module(module), chunkRows(chunkRows) {}

  FailureOr<Words> run() {
    for (Operation &op : stage.getBody().front().without_terminator())
      if (failed(encode(&op)))
        return failure();
    return std::move(words);
  }
  int64_t scratchBytes() const { return scratchEnd; }

private:
  LogicalResult encode(Operation *op);
  LogicalResult encodeCore(Operation *op);
  void encodeExpression(phiq::RowOpInterface op);
  void encodeNode(Words &fields, const phiq::RowExpr &node);
  void encodeRope(phiq::RopeOp rope);

  void add(AbacusCode code, const Words &fields) {
    append(words, code, fields.size() + 1, stage.getLogitRows() ? AbacusRows::Selected : AbacusRows::All);
    words.append(fields);
  }

  /// What a value of the stage's inputs is outside of it.
  Value source(Value value) { return stage.getInputs()[cast<BlockArgument>(value).getArgNumber()]; }
  void addValue(Words &fields, Value value);
  void addBuffer(Words &fields, OpResult result);
  void addWeight(Words &fields, Value value);
  void addFloats(Words &fields, Value value) { append(fields, packedOf(value).getOffset()); }
  void addCache(Words &fields, StringAttr name);
  plan::PackedAttr packedOf(Value value) {
    return source(value).getDefiningOp()->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
  }

  plan::StageOp stage;
  ModuleOp module;
  int64_t chunkRows, scratchEnd = 0;
  llvm::DenseMap<Value, int64_t> scratch; ///< where a value begins
  Words words;
};

/// A result goes where the plan says, whatever else is made of it.
void StageEncoder::addValue(Words &fields, Value value) {
  if (isa<BlockArgument>(value))
    return addBuffer(fields, cast<OpResult>(source(value)));
  auto yielded = stage.getBody().front().getTerminator()->getOperands();
  if (auto found = llvm::find(yielded, value); found != yielded.end())
    return addBuffer(fields, stage->getResult(unsigned(found - yielded.begin())));
  auto [place, isNew] = scratch.try_emplace(value, scratchEnd);
  if (isNew)
    scratchEnd += 4 * columnsOf(value) * chunkRows;
  append(fields, AbacusSpace::Scratch, place->second, 4 * columnsOf(value));
}

void StageEncoder::addBuffer(Words &fields, OpResult result) {
  auto producer = cast<plan::StageOp>(result.getOwner());
  auto buffer = cast<plan::BufferAttr>((*producer.getBuffers())[result.getResultNumber()]);
  // What a decoder returns is its logits.
  const bool isLogits = buffer.getSpace() == plan::Space::Binding;
  append(fields, isLogits ? AbacusSpace::Logits : AbacusSpace::Arena, isLogits ? 0 : buffer.getOffset(),
         buffer.getRowBytes());
}

void StageEncoder::addWeight(Words &fields, Value value) {
  auto layout = cast<abacus::StripsAttr>(packedOf(value).getLayout());
  auto type = cast<ShapedType>(value.getType());
  append(fields, packedOf(value).getOffset(), layout.getWidth(), layout.getBlock(), type.getDimSize(0),
         type.getDimSize(1));
}

void StageEncoder::addCache(Words &fields, StringAttr name) {
  auto cache = module.lookupSymbol<phiq::CacheOp>(name);
  auto layout = cache->getAttrOfType<plan::CacheLayoutAttr>(plan::PlanDialect::kCacheLayout);
  auto offset = [&](StringRef key) { return cast<IntegerAttr>(cache->getAttr(key)).getInt(); };
  append(fields, offset(plan::PlanDialect::kKeyOffset), offset(plan::PlanDialect::kValueOffset), cache.getHeads(),
         cache.getHeadDim(), cache.getElement().isF16(), layout.getStrips(), layout.getKeyGroup(),
         layout.getValueGroup());
}

LogicalResult StageEncoder::encode(Operation *op) {
  auto row = dyn_cast<phiq::RowOpInterface>(op);
  Words fields;
  switch (row ? row.getFacts().work : phiq::RowWork::Quantize) {
  case phiq::RowWork::Core:
    return encodeCore(op);
  case phiq::RowWork::Elementwise:
  case phiq::RowWork::Norm:
    encodeExpression(row);
    return success();
  case phiq::RowWork::Pairs:
    encodeRope(cast<phiq::RopeOp>(op));
    return success();
  case phiq::RowWork::Columns:
  case phiq::RowWork::Select: {
    addValue(fields, op->getResult(0));
    addValue(fields, op->getOperand(0));
    append(fields, columnsOf(op->getResult(0)));
    auto columns = dyn_cast<phiq::ColumnsOp>(op);
    if (columns)
      append(fields, columns.getBegin());
    add(columns ? AbacusCode::Columns : AbacusCode::Select, fields);
    return success();
  }
  case phiq::RowWork::Store: {
    auto store = cast<phiq::CacheAppendOp>(op);
    addValue(fields, store.getKeys());
    addValue(fields, store.getValues());
    addCache(fields, store.getCacheAttr().getAttr());
    add(AbacusCode::Append, fields);
    return success();
  }
  case phiq::RowWork::Quantize:
  case phiq::RowWork::Dequantize:
    break;
  }
  return op->emitError("has no instruction: an abacus computes in f32");
}

LogicalResult StageEncoder::encodeCore(Operation *op) {
  Words fields;
  addValue(fields, op->getResult(0));
  if (auto embed = dyn_cast<phiq::EmbedOp>(op)) {
    addWeight(fields, embed.getTable());
    add(AbacusCode::Embed, fields);
  } else if (auto matmul = dyn_cast<phiq::MatmulOp>(op)) {
    addValue(fields, matmul.getLhs());
    addWeight(fields, matmul.getRhs());
    add(AbacusCode::Matmul, fields);
  } else if (auto attend = dyn_cast<phiq::AttendOp>(op)) {
    addValue(fields, attend.getQueries());
    append(fields, attend.getHeads(), realWord(attend.getScale().convertToFloat()), attend.getWindow().value_or(0),
           attend.getSoftcap() ? realWord(attend.getSoftcap()->convertToFloat()) : 0);
    addCache(fields, attend.getCacheAttr().getAttr());
    add(AbacusCode::Attend, fields);
  } else {
    return op->emitError("has no instruction of an abacus");
  }
  return success();
}

void StageEncoder::encodeExpression(phiq::RowOpInterface op) {
  Words fields;
  addValue(fields, op->getResult(0));
  append(fields, columnsOf(op->getResult(0)), op->getNumOperands());
  SmallVector<phiq::RowExpr> operands;
  for (OpOperand &operand : op->getOpOperands()) {
    operands.push_back(phiq::RowExpr::operand(operand.getOperandNumber()));
    if (op.getFacts().role(operand.getOperandNumber()) == phiq::OperandRole::Rows) {
      append(fields, AbacusOperand::Rows);
      addValue(fields, operand.get());
    } else {
      append(fields, columnsOf(operand.get()) == 1 ? AbacusOperand::Single : AbacusOperand::Vector);
      addFloats(fields, operand.get());
    }
  }
  encodeNode(fields, op.getExpression(operands));
  add(AbacusCode::Expression, fields);
}

void StageEncoder::encodeNode(Words &fields, const phiq::RowExpr &node) {
  using Kind = phiq::RowExpr::Kind;
  static constexpr AbacusNode kNodes[] = {
      AbacusNode::Operand, AbacusNode::Constant,   AbacusNode::Add,     AbacusNode::Subtract, AbacusNode::Multiply,
      AbacusNode::Divide,  AbacusNode::Minimum,    AbacusNode::Maximum, AbacusNode::Negate,   AbacusNode::Absolute,
      AbacusNode::Exp,     AbacusNode::SquareRoot, AbacusNode::Integer, AbacusNode::Less,     AbacusNode::IsNan,
      AbacusNode::Select,  AbacusNode::RowSum};
  static_assert(unsigned(Kind::RowSum) + 1 == std::size(kNodes), "a node for each kind, in its order");
  if (node->kind == Kind::Once) // the machine is in no hurry
    return encodeNode(fields, node->operands[0]);
  append(fields, kNodes[unsigned(node->kind)]);
  if (node->kind == Kind::Operand)
    append(fields, node->index);
  if (node->kind == Kind::Constant)
    append(fields, realWord(node->constant));
  for (const phiq::RowExpr &operand : node->operands)
    encodeNode(fields, operand);
}

void StageEncoder::encodeRope(phiq::RopeOp rope) {
  Words fields;
  addValue(fields, rope.getResult());
  addValue(fields, rope.getX());
  append(fields, columnsOf(rope.getX()), rope.getHeadDim(), 2 * columnsOf(rope.getCos()), rope.getInterleaved());
  addFloats(fields, rope.getCos());
  addFloats(fields, rope.getSin());
  const bool hasLong = bool(rope.getLongCos());
  append(fields, hasLong, rope.getThreshold().value_or(0));
  addFloats(fields, hasLong ? rope.getLongCos() : rope.getCos());
  addFloats(fields, hasLong ? rope.getLongSin() : rope.getSin());
  add(AbacusCode::Rope, fields);
}

struct EncodeStages : impl::EncodeStagesPassBase<EncodeStages> {
  void runOnOperation() override {
    func::FuncOp model = modelFunction(getOperation());
    auto memory = getOperation()->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
    if (!model || !memory) {
      getOperation().emitError("has no plan");
      return signalPassFailure();
    }
    Builder b(&getContext());
    int64_t scratchBytes = 0;
    for (auto [index, stage] : llvm::enumerate(model.getOps<plan::StageOp>())) {
      StageEncoder encoder(stage, getOperation(), int64_t(memory.getChunkRows()));
      FailureOr<Words> words = encoder.run();
      if (failed(words))
        return signalPassFailure();
      scratchBytes = std::max(scratchBytes, encoder.scratchBytes());
      stage->setAttr(abacus::AbacusDialect::kCode, b.getDenseI64ArrayAttr(*words));
      auto symbol = FlatSymbolRefAttr::get(&getContext(), "abacus_" + std::to_string(index));
      SmallVector<NamedAttribute> kernels;
      for (MClass mClass : kMClasses)
        kernels.push_back(b.getNamedAttr(mClassName(mClass), symbol));
      stage.setKernelsAttr(b.getDictionaryAttr(kernels));
    }
    getOperation()->setAttr(abacus::AbacusDialect::kScratch, b.getI64IntegerAttr(scratchBytes));
    getOperation()->setAttr(plan::PlanDialect::kLevel, b.getStringAttr("wooden"));
  }
};

} // namespace
} // namespace phic
