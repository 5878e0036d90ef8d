//===- Grid.h - Ops on tensors of any rank ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ops of GridOps.td, beside Phiq.h so that few files are built anew for another one; and what many ask of their
// types.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_GRID_H
#define PHIC_DIALECTS_PHIQ_GRID_H

#include "dialects/phiq/Phiq.h"

#include "dialects/phiq/GridEnums.h.inc"
#define GET_OP_CLASSES
#include "dialects/phiq/GridOps.h.inc"

namespace phic {

namespace phiq {
/// What is wrong with a phiq.map's operands and result (C1, C2); empty: nothing.
std::string whyNotMap(MapOp op);
/// Fails after a diagnostic unless operands and results are of static shape.
llvm::LogicalResult requireStatic(mlir::Operation *op);
/// Whether a shape, or what is before it, is 1 wherever it differs from the other.
bool broadcastsTo(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to);
/// Whether an operand is the weight of a contraction, and packed for it where it is one of the model's.
inline bool isFactor(mlir::OpOperand &use) {
  auto contract = mlir::dyn_cast<ContractOp>(use.getOwner());
  return contract && use.getOperandNumber() == 1 && !contract.getBatched();
}
} // namespace phiq

inline mlir::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}
inline mlir::Type elementTypeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getElementType();
}
/// Bytes of an element in memory: truth values and codes of 4 bits have one each.
inline int64_t elementBytes(mlir::Type element) { return (element.getIntOrFloatBitWidth() + 7) / 8; }
/// ui8, ui4 and i1; signless integers of more bits are signed.
inline bool isUnsignedInteger(mlir::Type element) {
  return element.isInteger(1) || (mlir::isa<mlir::IntegerType>(element) && element.isUnsignedInteger());
}
/// Whether an op is a map that makes f32 of codes of at most 8 bits. Each of its readers may have one of its own.
bool makesFloatsOfCodes(mlir::Operation *op);
/// What reshapes show the elements of.
mlir::Value throughReshapes(mlir::Value value);
/// Room for a tensor's numbers, which are 0: its first dimension of rows.
Rows roomFor(mlir::Type type);
/// Steps between neighbours along each axis of a dense tensor, in elements.
llvm::SmallVector<int64_t> denseStrides(llvm::ArrayRef<int64_t> shape);
/// The same of an operand that is broadcast to `shape`: 0 along axes that it has not.
llvm::SmallVector<int64_t> broadcastStrides(llvm::ArrayRef<int64_t> operand, llvm::ArrayRef<int64_t> shape);

/// Visits a tensor's elements in order: visit(i, at), at[k] the place that `strides[k]`, one an axis, give in another.
void overElements(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<llvm::SmallVector<int64_t>> strides,
                  llvm::function_ref<void(int64_t i, llvm::ArrayRef<int64_t> at)> visit);
/// The integer of that type that has the low bits of `value`.
int64_t wrapTo(mlir::Type element, int64_t value);

/// The numbers of a phiq.constant.
Rows numbersOf(mlir::ElementsAttr value);
/// Those from `first` on as floats.
void floatsOf(mlir::ElementsAttr value, int64_t first, llvm::MutableArrayRef<float> floats);
/// All of them as they lie in memory, little-endian, elementBytes each.
std::vector<uint8_t> bytesOf(mlir::ElementsAttr value);
/// The attribute of a constant with those numbers.
mlir::DenseElementsAttr elementsOf(const Rows &numbers, mlir::RankedTensorType type);
/// The constant that an op on constants is, by its meaning; null where an operand is none.
mlir::DenseElementsAttr evaluate(mlir::Operation *op);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_GRID_H
