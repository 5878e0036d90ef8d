//===- EmitPrecisionReport.cpp - Say what was chosen -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects each weight's format and compute mode, and prints them as a table or
// as JSON. The IR is left as it is.
//===----------------------------------------------------------------------===//
#include "passes/precision/PrecisionReport.h"
#include "dialects/plan/Plan.h"
#include "passes/Passes.h"
#include "passes/RowOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <set>

namespace phic {
#define GEN_PASS_DEF_EMITPRECISIONREPORTPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// Collects what a weight is used for, also inside the stages that take it.
void collectUses(Value weight, std::set<std::string> &uses) {
  for (OpOperand &use : weight.getUses()) {
    Operation *user = use.getOwner();
    if (auto stage = dyn_cast<plan::StageOp>(user))
      collectUses(stage.getBody().getArgument(use.getOperandNumber()), uses);
    else if (auto matmul = dyn_cast<phiq::MatmulOp>(user))
      uses.insert(matmul.getCompute().value_or("unassigned").str());
    else
      uses.insert(isa<phiq::EmbedOp>(user) ? "embed" : "rows");
  }
}

std::string text(Type type) {
  std::string result;
  llvm::raw_string_ostream(result) << type;
  return result;
}

PrecisionReport::Weight describe(phiq::WeightOp op) {
  auto type = cast<ShapedType>(op.getType());
  PrecisionReport::Weight weight{op.getName().str(), {}, type.getShape().vec(), 0, {}};
  if (auto block = dyn_cast<phiq::BlockType>(type.getElementType())) {
    weight.format = block.getFormat().str();
    weight.bitsPerWeight = block.getFormat().bitsPerWeight();
  } else {
    weight.format = text(type.getElementType());
    weight.bitsPerWeight = type.getElementTypeBitWidth();
  }
  std::set<std::string> uses;
  collectUses(op, uses);
  weight.compute = llvm::join(uses, ", ");
  return weight;
}

std::string shapeText(ArrayRef<int64_t> shape) {
  return llvm::join(llvm::map_range(shape, [](int64_t dim) { return std::to_string(dim); }), "x");
}

} // namespace

int64_t PrecisionReport::Weight::elements() const {
  int64_t product = 1;
  for (int64_t dim : shape)
    product *= dim;
  return product;
}

double PrecisionReport::meanBitsPerWeight() const {
  double bits = 0, elements = 0;
  for (const Weight &weight : weights) {
    if (weight.shape.size() != 2)
      continue;
    bits += weight.bitsPerWeight * double(weight.elements());
    elements += double(weight.elements());
  }
  return elements ? bits / elements : 0;
}

void PrecisionReport::print(llvm::raw_ostream &os) const {
  size_t nameWidth = 6, formatWidth = 6;
  for (const Weight &weight : weights) {
    nameWidth = std::max(nameWidth, weight.name.size());
    formatWidth = std::max(formatWidth, weight.format.size());
  }
  auto row = [&](StringRef name, StringRef format, StringRef shape, StringRef bits, StringRef compute) {
    os << llvm::left_justify(name, nameWidth + 2) << llvm::left_justify(format, formatWidth + 2)
       << llvm::left_justify(shape, 14) << llvm::left_justify(bits, 13) << compute << "\n";
  };
  row("weight", "format", "shape", "bits/weight", "compute");
  for (const Weight &weight : weights)
    row(weight.name, weight.format, shapeText(weight.shape),
        llvm::formatv("{0:f2}", weight.bitsPerWeight).str(), weight.compute);
  os << llvm::formatv("matrices: {0:f2} bits per weight; KV cache: {1}\n", meanBitsPerWeight(), cacheElement);
}

llvm::json::Value PrecisionReport::toJson() const {
  llvm::json::Array rows;
  for (const Weight &weight : weights)
    rows.push_back(llvm::json::Object{{"name", weight.name},
                                      {"format", weight.format},
                                      {"shape", llvm::json::Array(weight.shape)},
                                      {"bits_per_weight", weight.bitsPerWeight},
                                      {"compute", weight.compute}});
  return llvm::json::Object{
      {"weights", std::move(rows)}, {"bits_per_weight", meanBitsPerWeight()}, {"kv_cache", cacheElement}};
}

PrecisionReport collectPrecision(ModuleOp module) {
  PrecisionReport report;
  module.walk([&](phiq::WeightOp op) { report.weights.push_back(describe(op)); });
  for (auto cache : module.getOps<phiq::CacheOp>())
    report.cacheElement = text(cache.getElement());
  return report;
}

namespace {

struct EmitPrecisionReport : impl::EmitPrecisionReportPassBase<EmitPrecisionReport> {
  using EmitPrecisionReportPassBase::EmitPrecisionReportPassBase;

  void runOnOperation() override {
    PrecisionReport report = collectPrecision(getOperation());
    if (json)
      llvm::outs() << llvm::formatv("{0:2}\n", report.toJson());
    else
      report.print(llvm::outs());
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace phic
