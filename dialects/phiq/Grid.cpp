//===- Grid.cpp - Numbers of tensors of any rank ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/RowOps.h"

using namespace mlir;

namespace phic {

bool isWeight(Operation *op) { return isa_and_nonnull<phiq::WeightOp, phiq::RopeTableOp, phiq::ConstantOp>(op); }

std::pair<int64_t, int64_t> rowsAndColumns(Operation *weight) {
  auto type = cast<ShapedType>(weight->getResult(0).getType());
  if (auto constant = dyn_cast<phiq::ConstantOp>(weight); constant && !(constant.getRows() && type.getRank() > 1))
    return {1, (type.getNumElements() * elementBytes(type.getElementType()) + 3) / 4};
  const int64_t rows = type.getRank() == 1 ? 1 : type.getDimSize(0);
  return {rows, type.getNumElements() / std::max<int64_t>(rows, 1)};
}

std::string weightName(Operation *weight) {
  if (auto op = dyn_cast<phiq::WeightOp>(weight))
    return op.getName().str();
  if (auto table = dyn_cast<phiq::RopeTableOp>(weight))
    return (phiq::stringifyRopeTableKind(table.getKind()) + " table of rotary positions").str();
  auto name = dyn_cast<NameLoc>(weight->getLoc());
  return name ? name.getName().str() : "constant";
}

bool makesFloatsOfCodes(Operation *op) {
  auto map = dyn_cast<phiq::MapOp>(op);
  if (!map || !elementTypeOf(map.getResult()).isF32())
    return false;
  const bool isOfCodes = elementTypeOf(map.getXs().front()).getIntOrFloatBitWidth() <= 8;
  return isOfCodes &&
         (map.getFunction() == phiq::MapFunction::Dequantize || map.getFunction() == phiq::MapFunction::Cast);
}

Value throughReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<phiq::ReshapeOp>())
    value = reshape.getX();
  return value;
}

Rows roomFor(Type type) {
  auto shaped = cast<ShapedType>(type);
  Rows result;
  result.rows = shaped.getRank() == 0 ? 1 : shaped.getDimSize(0);
  result.columns = result.rows ? shaped.getNumElements() / result.rows : 0;
  const auto elements = size_t(shaped.getNumElements());
  if (isa<IntegerType>(shaped.getElementType()))
    result.integers.resize(elements);
  else
    result.values.resize(elements);
  return result;
}

SmallVector<int64_t> denseStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size());
  int64_t step = 1;
  for (size_t axis = shape.size(); axis-- > 0; step *= shape[axis])
    strides[axis] = step;
  return strides;
}

SmallVector<int64_t> broadcastStrides(ArrayRef<int64_t> operand, ArrayRef<int64_t> shape) {
  assert(operand.size() <= shape.size() && "verified: it broadcasts");
  SmallVector<int64_t> dense = denseStrides(operand), strides(shape.size(), 0);
  const size_t missing = shape.size() - operand.size();
  for (size_t axis = 0; axis < operand.size(); ++axis)
    strides[missing + axis] = operand[axis] == 1 ? 0 : dense[axis];
  return strides;
}

void overElements(ArrayRef<int64_t> shape, ArrayRef<SmallVector<int64_t>> strides,
                  llvm::function_ref<void(int64_t, ArrayRef<int64_t>)> visit) {
  SmallVector<int64_t> index(shape.size(), 0), at(strides.size(), 0);
  const int64_t elements = ShapedType::getNumElements(shape);
  for (int64_t i = 0; i < elements; ++i) {
    visit(i, at);
    for (size_t axis = shape.size(); axis-- > 0;) {
      const bool wraps = ++index[axis] == shape[axis];
      for (auto [k, steps] : llvm::enumerate(strides))
        at[k] += wraps ? -steps[axis] * (shape[axis] - 1) : steps[axis];
      if (!wraps)
        break;
      index[axis] = 0;
    }
  }
}

int64_t wrapTo(Type element, int64_t value) {
  const unsigned bits = element.getIntOrFloatBitWidth();
  if (bits == 64)
    return value;
  const uint64_t low = uint64_t(value) & ((uint64_t(1) << bits) - 1);
  return isUnsignedInteger(element) || !(low >> (bits - 1)) ? int64_t(low) : int64_t(low | ~uint64_t(0) << bits);
}

Rows numbersOf(ElementsAttr value) {
  Rows result = roomFor(value.getType());
  if (value.getElementType().isF32()) {
    llvm::copy(value.getValues<float>(), result.values.begin());
    return result;
  }
  const bool isUnsigned = isUnsignedInteger(value.getElementType());
  llvm::transform(value.getValues<APInt>(), result.integers.begin(), [&](const APInt &number) {
    return isUnsigned ? int64_t(number.getZExtValue()) : number.getSExtValue();
  });
  return result;
}

void floatsOf(ElementsAttr value, int64_t first, llvm::MutableArrayRef<float> floats) {
  if (value.getElementType().isF32())
    return void(std::copy_n(value.getValues<float>().begin() + first, floats.size(), floats.begin()));
  const bool isUnsigned = isUnsignedInteger(value.getElementType());
  std::transform(
      value.getValues<APInt>().begin() + first, value.getValues<APInt>().begin() + first + int64_t(floats.size()),
      floats.begin(),
      [&](const APInt &number) { return float(isUnsigned ? int64_t(number.getZExtValue()) : number.getSExtValue()); });
}

DenseElementsAttr elementsOf(const Rows &numbers, RankedTensorType type) {
  if (type.getElementType().isF32())
    return DenseElementsAttr::get(type, ArrayRef(numbers.values));
  const unsigned bits = type.getElementTypeBitWidth();
  SmallVector<APInt> elements = llvm::map_to_vector(numbers.integers, [&](int64_t number) {
    return APInt(bits, uint64_t(number), /*isSigned=*/false, /*implicitTrunc=*/true);
  });
  return DenseElementsAttr::get(type, elements);
}

std::vector<uint8_t> bytesOf(ElementsAttr value) {
  const Rows numbers = numbersOf(value);
  const int64_t size = elementBytes(value.getElementType());
  std::vector<uint8_t> bytes(size_t(numbers.size() * size));
  if (numbers.integers.empty()) {
    std::memcpy(bytes.data(), numbers.values.data(), bytes.size());
    return bytes;
  }
  for (int64_t i = 0; i < numbers.size(); ++i)
    std::memcpy(bytes.data() + i * size, &numbers.integers[size_t(i)], size_t(size));
  return bytes;
}

namespace {

/// Nothing is read that is no constant.
class NoWeights final : public WeightSource {
public:
  void dequantizeRows(Operation *, int64_t, int64_t, float *) override { llvm_unreachable("constants only"); }
  void readRows(Operation *, int64_t, int64_t, BlockRow *) override { llvm_unreachable("constants only"); }
};

} // namespace

DenseElementsAttr evaluate(Operation *op) {
  auto interpreted = dyn_cast<phiq::MeaningInterface>(op);
  auto type = op->getNumResults() == 1 ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
  if (!interpreted || !type || !type.hasStaticShape())
    return {};
  NoWeights weights;
  SessionState session;
  Scope scope(op->getParentOfType<ModuleOp>(), weights, session, /*bounds=*/false);
  for (Value operand : op->getOperands()) {
    auto constant = operand.getDefiningOp<phiq::ConstantOp>();
    if (!constant)
      return {};
    Datum datum;
    datum.rows = numbersOf(constant.getValue());
    scope.set(operand, std::move(datum));
  }
  return elementsOf(interpreted.meaning(scope), type);
}

} // namespace phic
