//===- TabulateCodes.cpp - Tables of what becomes of codes -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of each value that maps make of one tensor of codes, its root, and of numbers, the pass knows what it is for each code:
//
//     %f = phiq.map dequantize %q, %s, %z       root %q, [-1.28, -1.27, ...]
//     %y = phiq.map mul %f, %f                  root %q, [1.6384, 1.6129, ...]
//     %r = phiq.map quantize %y, %t, %z         root %q, [164, 161, ...]         ->  phiq.map lookup %q, [164, 161, ...]
//
// A value that something else reads is looked up in the root's table, if what makes it is longer than that. What makes
// floats of codes is not: contractions and stages know it.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"

namespace phic {
#define GEN_PASS_DEF_TABULATECODESPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;
using phiq::MapFunction;

/// Of maps, about as many operations as a lookup takes the time of.
constexpr unsigned kEnoughWork = 16;

bool isCodes(Value value) {
  const unsigned bits = elementTypeOf(value).getIntOrFloatBitWidth();
  return bits == 8 || bits == 4;
}

bool isNumber(Value value) {
  return value.getDefiningOp<phiq::ConstantOp>() && cast<ShapedType>(value.getType()).getNumElements() == 1;
}

unsigned workOf(MapFunction function) {
  switch (function) {
  case MapFunction::Quantize:
    return 8;
  case MapFunction::Divide:
  case MapFunction::SquareRoot:
    return 4;
  case MapFunction::Power:
  case MapFunction::Exp:
  case MapFunction::Log:
  case MapFunction::Erf:
  case MapFunction::Tanh:
  case MapFunction::Sigmoid:
  case MapFunction::Sine:
  case MapFunction::Cosine:
  case MapFunction::Gelu:
    return kEnoughWork;
  default:
    return 1;
  }
}

/// What a value is for each code of its root, from the least on.
struct OfCodes {
  Value root;
  DenseElementsAttr numbers;
  unsigned work; ///< that makes it of the root
};

class Tabulation {
public:
  explicit Tabulation(Block &model) : model(model), scratch(ModuleOp::create(model.getParentOp()->getLoc())) {}
  ~Tabulation() { scratch->erase(); }

  void run() {
    for (auto map : model.getOps<phiq::MapOp>())
      if (std::optional<OfCodes> known = ofCodes(map))
        values.try_emplace(map.getResult(), *known);
    for (auto map : llvm::make_early_inc_range(model.getOps<phiq::MapOp>()))
      if (auto known = values.find(map.getResult()); known != values.end() && isWorthLookingUp(map, known->second))
        lookUp(map, known->second);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(model)))
      if (isa<phiq::MapOp>(op) && op.use_empty())
        op.erase();
  }

private:
  /// A map's result, if all its operands are numbers or have one root whose shape it has.
  std::optional<OfCodes> ofCodes(phiq::MapOp map) {
    OfCodes known{{}, {}, workOf(map.getFunction())};
    SmallVector<DenseElementsAttr> operands;
    for (Value x : map.getXs()) {
      if (isNumber(x) || x == map.getTable()) {
        auto constant = x.getDefiningOp<phiq::ConstantOp>();
        auto value = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
        if (!value)
          return std::nullopt;
        operands.push_back(x == map.getTable() ? value : value.reshape(RankedTensorType::get({}, elementTypeOf(x))));
        continue;
      }
      std::optional<OfCodes> ofX = ofOperand(x);
      if (!ofX || shapeOf(x) != shapeOf(map.getResult()) || (known.root && known.root != ofX->root))
        return std::nullopt;
      known.root = ofX->root;
      known.work += ofX->work;
      operands.push_back(ofX->numbers);
    }
    if (!known.root)
      return std::nullopt;
    known.numbers = evaluated(map, operands);
    return known;
  }

  std::optional<OfCodes> ofOperand(Value x) {
    if (auto known = values.find(x); known != values.end())
      return known->second;
    if (!isCodes(x) || isWeight(x.getDefiningOp()))
      return std::nullopt;
    Type element = elementTypeOf(x);
    const unsigned bits = element.getIntOrFloatBitWidth();
    Rows codes;
    for (int64_t i = 0; i < int64_t(1) << bits; ++i)
      codes.integers.push_back(isUnsignedInteger(element) ? i : i - (int64_t(1) << (bits - 1)));
    return OfCodes{x, elementsOf(codes, RankedTensorType::get(int64_t(codes.integers.size()), element)), 0};
  }

  /// The map of one element for each code.
  DenseElementsAttr evaluated(phiq::MapOp map, ArrayRef<DenseElementsAttr> operands) {
    OpBuilder builder(scratch.getBodyRegion());
    SmallVector<Value> xs = llvm::map_to_vector(operands, [&](DenseElementsAttr numbers) -> Value {
      return phiq::ConstantOp::create(builder, map.getLoc(), numbers.getType(), numbers);
    });
    int64_t codes = 0;
    for (DenseElementsAttr numbers : operands)
      codes = std::max(codes, numbers.getNumElements());
    auto type = RankedTensorType::get(codes, elementTypeOf(map.getResult()));
    DenseElementsAttr numbers = evaluate(phiq::MapOp::create(builder, map.getLoc(), type, map.getFunction(), xs));
    scratch.getBody()->clear();
    return numbers;
  }

  bool isWorthLookingUp(phiq::MapOp map, const OfCodes &known) {
    Type element = elementTypeOf(map.getResult());
    const bool hasTable = element.isF32() || isCodes(map.getResult());
    return hasTable && known.work >= kEnoughWork && !map.getTable() && !makesFloatsOfCodes(map) &&
           isReadElsewhere(map, known.root);
  }

  /// Whether an op reads the value, or the floats that are made of it, that is of no table of that root.
  bool isReadElsewhere(phiq::MapOp map, Value root) {
    return llvm::any_of(map->getUsers(), [&](Operation *user) {
      auto known = user->getNumResults() == 1 ? values.find(user->getResult(0)) : values.end();
      if (known == values.end() || known->second.root != root)
        return true;
      auto reader = cast<phiq::MapOp>(user);
      return makesFloatsOfCodes(reader) && isReadElsewhere(reader, root);
    });
  }

  void lookUp(phiq::MapOp map, const OfCodes &known) {
    OpBuilder builder(map);
    Type element = elementTypeOf(map.getResult());
    DenseElementsAttr numbers = known.numbers;
    if (!element.isF32())
      numbers = elementsOf(numbersOf(numbers), RankedTensorType::get(numbers.getNumElements(), builder.getI32Type()));
    Value table = phiq::ConstantOp::create(builder, map.getLoc(), numbers.getType(), numbers);
    Value found =
        phiq::MapOp::create(builder, map.getLoc(), map.getType(), MapFunction::Lookup, ValueRange{known.root, table});
    map.getResult().replaceAllUsesWith(found);
  }

  Block &model;
  ModuleOp scratch;
  llvm::DenseMap<Value, OfCodes> values;
};

struct TabulateCodes : impl::TabulateCodesPassBase<TabulateCodes> {
  void runOnOperation() override {
    if (func::FuncOp model = modelFunction(getOperation()))
      Tabulation(model.getBody().front()).run();
  }
};

} // namespace
} // namespace phic
