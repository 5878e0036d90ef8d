//===- Weights.cpp - Weights for the interpreter ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/Weights.h"
#include "compiler/weights/DerivedWeights.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RopeTable.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace llvm;

namespace phic {
namespace {

template <typename... Arguments> Error error(const char *format, Arguments &&...arguments) {
  return createStringError(formatv(format, std::forward<Arguments>(arguments)...).str());
}

/// Rows of a constant, or its words as floats, which are compared bit by bit.
void readConstant(phiq::ConstantOp op, int64_t n0, int64_t count, float *words) {
  const int64_t columns = rowsAndColumns(op).second;
  if (op.getRows())
    return floatsOf(op.getValue(), n0 * columns, {words, size_t(count * columns)});
  const std::vector<uint8_t> bytes = bytesOf(op.getValue());
  std::memset(words, 0, size_t(columns) * sizeof(float));
  std::memcpy(words, bytes.data(), bytes.size());
}

} // namespace

//===----------------------------------------------------------------------===//
// From the model's files
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<ModelWeights>> ModelWeights::open(mlir::ModuleOp module, StringRef directory) {
  std::vector<std::string> files;
  if (auto names = module->getAttrOfType<mlir::ArrayAttr>(phiq::PhiqDialect::kFiles))
    for (auto name : names.getAsRange<mlir::StringAttr>())
      files.push_back(name.str());
  auto store = WeightStore::open(directory, files);
  if (!store)
    return store.takeError();
  // Made again from the model's files, which checks what lies in the program against its recipe, too.
  SmallString<128> scratch;
  sys::path::system_temp_directory(/*ErasedOnReboot=*/true, scratch);
  DerivedWeights derived(**store, {"", scratch.str().str()}, [](const Twine &) {});
  if (Error failure = derived.provide(module))
    return failure;
  std::unique_ptr<ModelWeights> weights(new ModelWeights);
  weights->store = std::move(*store);
  Error result = Error::success();
  module.walk([&](phiq::WeightOp op) {
    auto reader = WeightReader::create(op, *weights->store);
    if (!reader) {
      result = joinErrors(std::move(result), reader.takeError());
      return;
    }
    weights->readers[op] = std::move(*reader);
  });
  if (result)
    return std::move(result);
  return weights;
}

void ModelWeights::dequantizeRows(mlir::Operation *weight, int64_t n0, int64_t count, float *values) {
  if (auto table = dyn_cast<phiq::RopeTableOp>(weight))
    return ropeTableRows(table, n0, count, values);
  if (auto constant = dyn_cast<phiq::ConstantOp>(weight))
    return readConstant(constant, n0, count, values);
  readers.find(weight)->second->dequantizeRows(n0, count, values);
}

void ModelWeights::readRows(mlir::Operation *weight, int64_t n0, int64_t count, BlockRow *rows) {
  readers.find(weight)->second->readRows(n0, count, rows);
}

//===----------------------------------------------------------------------===//
// From a program
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<PackedWeights>> PackedWeights::open(mlir::ModuleOp module, ArrayRef<uint8_t> segment) {
  std::unique_ptr<PackedWeights> weights(new PackedWeights);
  Error result = Error::success();
  module.walk([&](mlir::Operation *op) {
    if (!isWeight(op))
      return;
    auto fail = [&](StringRef why) {
      result = joinErrors(std::move(result), error("weight '{0}' {1}", weightName(op), why));
    };
    auto packed = op->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
    if (!packed)
      return fail("has no plan.packed: the IR is from before the layout phase");
    auto [N, K] = rowsAndColumns(op);
    if (packed.getOffset() > segment.size() || packed.getBytes() > segment.size() - packed.getOffset() ||
        uint64_t(packed.getLayout().bytes(N, K)) > packed.getBytes())
      return fail("does not lie in the program's weight segment");
    weights->weights[op] = {packed.getLayout(), segment.data() + packed.getOffset(), K};
  });
  if (result)
    return std::move(result);
  return weights;
}

void PackedWeights::dequantizeRows(mlir::Operation *weight, int64_t n0, int64_t count, float *values) {
  const Packed &packed = weights.find(weight)->second;
  for (int64_t n = 0; n < count; ++n)
    packed.layout.dequantizeRow(packed.base, packed.K, n0 + n, values + n * packed.K);
}

void PackedWeights::readRows(mlir::Operation *weight, int64_t n0, int64_t count, BlockRow *rows) {
  const Packed &packed = weights.find(weight)->second;
  for (int64_t n = 0; n < count; ++n)
    packed.layout.unpackRow(packed.base, packed.K, n0 + n, &rows[n]);
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

namespace {

Error compareWeight(mlir::Operation *op, WeightSource &packed, WeightSource &model) {
  auto [N, K] = rowsAndColumns(op);
  // Transposed storage is read fastest several rows at a time.
  constexpr int64_t kRows = 8;
  std::vector<float> got(size_t(kRows * K)), expected(size_t(kRows * K));
  for (int64_t n0 = 0; n0 < N; n0 += kRows) {
    int64_t count = std::min(kRows, N - n0);
    packed.dequantizeRows(op, n0, count, got.data());
    model.dequantizeRows(op, n0, count, expected.data());
    for (int64_t i = 0; i < count * K; ++i)
      if (std::memcmp(&got[size_t(i)], &expected[size_t(i)], sizeof(float)) != 0)
        return error("weight '{0}' is packed wrongly: row {1}, element {2} is {3}, the model has {4}", weightName(op),
                     n0 + i / K, i % K, got[size_t(i)], expected[size_t(i)]);
  }
  return Error::success();
}

} // namespace

Error comparePacking(mlir::ModuleOp module, WeightSource &packed, WeightSource &model) {
  Error result = Error::success();
  module.walk([&](mlir::Operation *op) {
    if (isWeight(op))
      result = joinErrors(std::move(result), compareWeight(op, packed, model));
  });
  return result;
}

} // namespace phic
