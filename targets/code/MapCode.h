//===- MapCode.h - Code of elementwise functions ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How kernels hold elements of a grid, alone or in the lanes of a vector, and what phiq.map is on them: f32 and i64 as
// they are, all other integers as i32, truth values as 0 and 1. A lane more or less changes no bit.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_MAPCODE_H
#define PHIC_TARGETS_CODE_MAPCODE_H

#include "dialects/phiq/Grid.h"
#include "dialects/plan/Plan.h"
#include "targets/code/KernelBuilder.h"
#include <functional>

namespace phic {

mlir::VectorType laneType(KernelBuilder &b, mlir::Type element, int64_t lanes);
/// The type that an element has in memory.
mlir::Type storedType(KernelBuilder &b, mlir::Type element);
/// Elements as they were loaded, as they are held; and back.
mlir::Value heldLanes(KernelBuilder &b, mlir::Type element, mlir::Value stored);
mlir::Value storedLanes(KernelBuilder &b, mlir::Type element, mlir::Value held);
/// `lanes` elements that lie side by side.
mlir::Value loadLanes(KernelBuilder &b, mlir::Type element, int64_t lanes, mlir::Value pointer);
/// One element in every lane.
mlir::Value loadSplat(KernelBuilder &b, mlir::Type element, int64_t lanes, mlir::Value pointer);
void storeLanes(KernelBuilder &b, mlir::Type element, mlir::Value value, mlir::Value pointer);
/// Of i1, as compares make them, 0 and 1.
mlir::Value truthLanes(KernelBuilder &b, mlir::Value condition);

/// Two of what a reduction joins; a NaN stays one.
mlir::Value joinReduced(KernelBuilder &b, phiq::ReduceKind kind, mlir::Value a, mlir::Value x);

/// What is known of a quantization's scale: constants that are 1, or in a range where no step of x / scale under- or overflows.
enum class ScaleKind : uint8_t { Unknown, Ordinary, One };
ScaleKind scaleKindOf(phiq::MapOp quantize);
/// One letter for each of a stage's quantizations: their code depends on it.
std::string scaleKey(plan::StageOp stage);

/// The values of a stage in the lanes that a kernel is at: those it loads, then those that maps make of them.
class LaneValues {
public:
  /// `baseOf` is where the elements of a table begin.
  LaneValues(KernelBuilder &b, std::function<mlir::Value(mlir::Value)> baseOf) : b(b), baseOf(std::move(baseOf)) {}
  /// The lanes of a value, null before they are set.
  mlir::Value &operator[](mlir::Value value) { return lanes[value]; }
  void compute(llvm::ArrayRef<phiq::MapOp> maps);

private:
  KernelBuilder &b;
  std::function<mlir::Value(mlir::Value)> baseOf;
  llvm::DenseMap<mlir::Value, mlir::Value> lanes;
  llvm::DenseMap<mlir::Value, mlir::Value> steps; ///< of quantized values: codes without their zero point, in floats
};

} // namespace phic

#endif // PHIC_TARGETS_CODE_MAPCODE_H
