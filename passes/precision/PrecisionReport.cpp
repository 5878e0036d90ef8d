//===- PrecisionReport.cpp - Formats and modes of a model ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/precision/PrecisionReport.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <set>

using namespace mlir;

namespace phic {
namespace {

//===----------------------------------------------------------------------===//
// Collecting
//===----------------------------------------------------------------------===//

struct Uses {
  std::set<std::string> compute;
  std::map<std::string, std::set<std::string>> kernels;  ///< by M class
};

/// Collects what a weight is used for, also inside the stages that take it.
void collectUses(Value weight, Uses &uses) {
  for (OpOperand &use : weight.getUses()) {
    Operation *user = use.getOwner();
    if (auto stage = dyn_cast<plan::StageOp>(user)) {
      collectUses(stage.getBody().getArgument(use.getOperandNumber()), uses);
      if (stage.getKernels())
        for (NamedAttribute kernel : stage.getKernelsAttr())
          uses.kernels[kernel.getName().str()].insert(cast<FlatSymbolRefAttr>(kernel.getValue()).getValue().str());
    } else if (auto matmul = dyn_cast<phiq::MatmulOp>(user)) {
      uses.compute.insert(matmul.getCompute() ? stringifyComputeMode(*matmul.getCompute()).str() : "unassigned");
    } else if (phiq::isFactor(use)) {
      uses.compute.insert(cast<phiq::ContractOp>(user).isFloat() ? "f32" : "i8");
    } else {
      uses.compute.insert(roleOf(use) == phiq::OperandRole::TokenTable ? "embed" : "rows");
    }
  }
}

std::string text(Type type) {
  if (auto block = dyn_cast<phiq::BlockType>(type))
    return block.getFormat().str();
  std::string result;
  llvm::raw_string_ostream(result) << type;
  return result;
}

double bitsOf(Type element) {
  if (auto block = dyn_cast<phiq::BlockType>(element))
    return block.getFormat().bitsPerWeight();
  return element.getIntOrFloatBitWidth();
}

std::optional<PrecisionReport::WeightError> errorOf(phiq::WeightOp op) {
  auto error = op->getAttrOfType<DictionaryAttr>(phiq::PhiqDialect::kError);
  if (!error)
    return std::nullopt;
  auto number = [&](StringRef key) {
    auto value = error.getAs<FloatAttr>(key);
    return value ? value.getValueAsDouble() : 0.0;
  };
  return PrecisionReport::WeightError{number("relative_rms"), number("greatest"), number("norm")};
}

PrecisionReport::Weight describe(phiq::WeightOp op) {
  auto type = cast<ShapedType>(op.getType());
  Uses uses;
  collectUses(op, uses);
  PrecisionReport::Weight weight;
  weight.name = op.getName().str();
  weight.format = text(type.getElementType());
  weight.shape = type.getShape().vec();
  weight.bitsPerWeight = bitsOf(type.getElementType());
  weight.compute = llvm::join(uses.compute, ", ");
  weight.stored = text(op.getModelElementType());
  weight.storedBitsPerWeight = bitsOf(op.getModelElementType());
  if (std::optional<ConvertMethod> method = op.getMethod())
    weight.method = std::string(convertMethodName(*method));
  weight.error = errorOf(op);
  for (auto &[entry, symbols] : uses.kernels)
    weight.kernels[entry] = llvm::join(symbols, ", ");
  return weight;
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

std::string shapeText(ArrayRef<int64_t> shape) {
  return llvm::join(llvm::map_range(shape, [](int64_t dim) { return std::to_string(dim); }), "x");
}

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell.
void printColumns(ArrayRef<Row> rows, llvm::raw_ostream &os) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row &row : rows)
    for (auto [width, cell] : llvm::zip(widths, row))
      width = std::max(width, cell.size());
  for (const Row &row : rows) {
    std::string line;
    for (auto [width, cell] : llvm::zip(widths, row))
      line += cell + std::string(width - cell.size() + 2, ' ');
    os << StringRef(line).rtrim() << "\n";
  }
}

Row rowOf(const PrecisionReport::Weight &weight) {
  Row row = {weight.name,
             shapeText(weight.shape),
             weight.method.empty() ? "" : weight.stored,
             weight.format,
             llvm::formatv("{0:f2}", weight.bitsPerWeight).str(),
             "",
             "",
             weight.compute,
             ""};
  if (weight.error) {
    row[5] = llvm::formatv("{0:f5}", weight.error->relativeRms).str();
    row[6] = llvm::formatv("{0:e2}", weight.error->greatest).str();
  }
  for (const char *entry : {"decode", "run"})
    if (auto kernel = weight.kernels.find(entry); kernel != weight.kernels.end())
      row[8] = kernel->second;
  return row;
}

/// Without the columns that are empty in every row.
void dropEmptyColumns(std::vector<Row> &rows) {
  for (size_t column = rows.front().size(); column-- > 0;)
    if (llvm::all_of(llvm::drop_begin(rows), [&](const Row &row) { return row[column].empty(); }))
      for (Row &row : rows)
        row.erase(row.begin() + ptrdiff_t(column));
}

/// Mean of a number of bits over all matrices, by their elements.
template <typename Bits> double meanOverMatrices(ArrayRef<PrecisionReport::Weight> weights, Bits bits) {
  double sum = 0, elements = 0;
  for (const PrecisionReport::Weight &weight : weights) {
    if (!weight.isMatrix())
      continue;
    sum += bits(weight) * double(weight.elements());
    elements += double(weight.elements());
  }
  return elements ? sum / elements : 0;
}

} // namespace

int64_t PrecisionReport::Weight::elements() const {
  int64_t product = 1;
  for (int64_t dim : shape)
    product *= dim;
  return product;
}

double PrecisionReport::meanBitsPerWeight() const {
  return meanOverMatrices(weights, [](const Weight &weight) { return weight.bitsPerWeight; });
}

double PrecisionReport::meanStoredBitsPerWeight() const {
  return meanOverMatrices(weights, [](const Weight &weight) { return weight.storedBitsPerWeight; });
}

int64_t PrecisionReport::converted() const {
  return llvm::count_if(weights, [](const Weight &weight) { return !weight.method.empty(); });
}

double PrecisionReport::convertedRms() const {
  double difference = 0, magnitude = 0;
  for (const Weight &weight : weights)
    if (weight.error) {
      difference += std::pow(weight.error->relativeRms * weight.error->norm, 2);
      magnitude += std::pow(weight.error->norm, 2);
    }
  return magnitude > 0 ? std::sqrt(difference / magnitude) : 0;
}

const PrecisionReport::Weight *PrecisionReport::worst() const {
  const Weight *worst = nullptr;
  for (const Weight &weight : weights)
    if (weight.error && (!worst || weight.error->relativeRms > worst->error->relativeRms))
      worst = &weight;
  return worst;
}

std::string PrecisionReport::conversions() const {
  if (!converted())
    return "";
  std::string text = std::to_string(converted()) + (converted() == 1 ? " weight converted" : " weights converted");
  if (const Weight *most = worst())
    text += llvm::formatv(", relative rms error {0:f5}, up to {1:f5} ('{2}')", convertedRms(), most->error->relativeRms,
                          most->name);
  return text;
}

void PrecisionReport::print(llvm::raw_ostream &os) const {
  std::vector<Row> rows = {
      {"weight", "shape", "stored as", "format", "bits/weight", "rms error", "greatest", "compute", "decode kernel"}};
  for (const Weight &weight : weights)
    rows.push_back(rowOf(weight));
  dropEmptyColumns(rows);
  printColumns(rows, os);
  os << llvm::formatv("matrices: {0:f2} bits per weight", meanBitsPerWeight());
  if (converted())
    os << llvm::formatv(", stored with {0:f2}; {1}", meanStoredBitsPerWeight(), conversions());
  if (!cacheElement.empty())
    os << "; KV cache: " << cacheElement;
  os << "\n";
}

PrecisionReport collectPrecision(ModuleOp module) {
  PrecisionReport report;
  module.walk([&](phiq::WeightOp op) { report.weights.push_back(describe(op)); });
  for (auto cache : module.getOps<phiq::CacheOp>())
    report.cacheElement = text(cache.getElement());
  return report;
}

} // namespace phic
