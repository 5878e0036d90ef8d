//===- GraphImporter.cpp - Walks an ONNX graph into phiq -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/GraphImporter.h"
#include "compiler/import/onnx/NodeImport.h"
#include "compiler/import/onnx/graph/GraphNode.h"
#include "dialects/phiq/ModelFacts.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace phic::onnx {
namespace {

struct TableRow {
  StringRef op, domain;
  int64_t first, last;
  LogicalResult (*import)(NodeImport &);
};
constexpr TableRow kTable[] = {
#define PHIC_ONNX_OP(OP, DOMAIN, FIRST, LAST, FUNCTION) {OP, DOMAIN, FIRST, LAST, FUNCTION},
#define PHIC_ONNX_UNARY(OP, DOMAIN, FIRST, LAST, PHIQ_OP) {OP, DOMAIN, FIRST, LAST, importUnary<phiq::PHIQ_OP>},
#include "compiler/import/onnx/ImportTable.def"
};

constexpr TableRow kGraphTable[] = {
#define PHIC_GRAPH_OP(OP, DOMAIN, FIRST, LAST, FUNCTION) {OP, DOMAIN, FIRST, LAST, graph::FUNCTION},
#define PHIC_GRAPH_MAP(OP, DOMAIN, FIRST, LAST, MAP)                                                                   \
  {OP, DOMAIN, FIRST, LAST, graph::importMapOf<phiq::MapFunction::MAP>},
#include "compiler/import/onnx/graph/GraphTable.def"
};

const TableRow *findRow(ArrayRef<TableRow> table, const Node &node) {
  for (const TableRow &row : table)
    if (row.op == node.op && row.domain == node.domain)
      return &row;
  return nullptr;
}

/// The layer in past_key_values.7.key and present.7.key: the first number in the name.
StringRef layerNumber(StringRef name) { return name.drop_until(llvm::isDigit).take_while(llvm::isDigit); }

/// Whether a node attends to what earlier steps left in a cache.
bool attendsToPast(const Node &node) {
  const unsigned past = node.op == "GroupQueryAttention" ? 3 : node.op == "MultiHeadAttention" ? 6 : UINT_MAX;
  return node.domain == "com.microsoft" && node.inputs.size() > past && !node.inputs[past].empty();
}

/// Ops that change logits but not which tokens they are of.
bool isRowwise(StringRef op) {
  constexpr StringRef kRowwise[] = {"Add",           "Mul", "Sub", "Cast", "Identity", "Reshape", "DequantizeLinear",
                                    "QuantizeLinear"};
  return llvm::is_contained(kRowwise, op);
}

} // namespace

bool takesSteps(const Graph &graph, const GenaiConfig &config) {
  auto isOfTokens = [&](const ValueInfo &info) {
    return info.name == config.inputIds || info.name == config.inputsEmbeds || info.name == config.attentionMask;
  };
  return (config.isRead && llvm::any_of(graph.inputs, isOfTokens)) || llvm::any_of(graph.nodes, attendsToPast);
}

GraphImporter::GraphImporter(MLIRContext &context, const Model &model, const GenaiConfig &config,
                             const ImportOptions &options)
    : model(model), config(config), options(options), decoder(takesSteps(model.graph(), config)), builder(&context),
      weights(model, options.weights, builder, options.progress),
      contextMax(std::min(config.contextLength.value_or(INT64_MAX), options.maxContext)), tableRows(contextMax) {
  context.loadDialect<phiq::PhiqDialect, plan::PlanDialect, func::FuncDialect, arith::ArithDialect,
                      tensor::TensorDialect>();
}

OwningOpRef<ModuleOp> GraphImporter::run() {
  Location loc = NameLoc::get(builder.getStringAttr(model.files().front()));
  module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  function = func::FuncOp::create(builder, loc, "model", builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(function.addEntryBlock());
  for (const Tensor &tensor : model.graph().initializers)
    if (!values.insert_or_assign(tensor.name, TensorView{&tensor, tensor.dims}).second)
      emitWarning(loc) << "initializer '" << tensor.name << "' is there twice; the last counts";
  if (decoder)
    importDecoder();
  else
    importGraph();
  if (!refusals.empty()) {
    emitRefusals();
    return {};
  }
  if (failed(verify(*module)))
    return {};
  return std::move(module);
}

void GraphImporter::importDecoder() {
  bindInputs();
  markLive({config.logits});
  findHead();
  importNodes(model.graph());
  Value logits = finish();
  checkPresents();
  if (!refusals.empty())
    return;
  func::ReturnOp::create(builder, function.getLoc(), logits);
  function.setFunctionType(builder.getFunctionType(function.getBody().getArgumentTypes(), logits.getType()));
  plan::nameArgument(function, 0, plan::BindingKind::Input, sequenceInput);
  plan::nameResult(function, 0, plan::BindingKind::Result, config.logits);
  setAttributes(columnsOf(logits));
}

void GraphImporter::importNodes(const Graph &graph) {
  for (const Node &node : graph.nodes)
    if (llvm::any_of(node.outputs, [&](const std::string &name) { return !name.empty() && live.contains(name); }))
      importNode(node);
}

//===----------------------------------------------------------------------===//
// Inputs, and which nodes matter
//===----------------------------------------------------------------------===//

void GraphImporter::bindInputs() {
  for (const ValueInfo &info : model.graph().inputs)
    bindInput(info);
  if (sequenceInput.empty())
    refuse(function.getLoc(), "the graph has no input '" + config.inputIds + "' of token ids");
}

void GraphImporter::bindInput(const ValueInfo &info) {
  if (auto found = values.find(info.name); found != values.end())
    return; // before IR version 4, initializers were inputs too
  Imported &value = values[info.name];
  Location loc = NameLoc::get(builder.getStringAttr(info.name));
  bool isInteger = info.type == ElementType::I64 || info.type == ElementType::I32;
  bool isFloat = bool(floatType(builder.getContext(), info.type));
  if (isInteger && info.name == config.inputIds && bindSequence(info, builder.getI32Type(), {}))
    value = Ids{};
  else if (isFloat && info.name == config.inputsEmbeds && info.dims.size() == 3 && info.dims[2] > 0 &&
           bindSequence(info, builder.getF32Type(), info.dims[2]))
    value = RowsValue{function.getBody().getArgument(0)};
  else if (isInteger && info.name == config.attentionMask)
    value = Symbolic::mask();
  else if (isInteger && info.name == config.positionIds)
    value = Symbolic::positions();
  else if (isFloat && info.dims.size() == 4)
    value = Past{&info};
  else if (value = Poison{}; info.name == config.inputIds || info.name == config.inputsEmbeds)
    refuse(loc, "graph input '" + info.name + "' must be integers [batch, sequence], or floats [batch, sequence, " +
                    "hidden] with a fixed last axis, and the only one of its kind");
  else
    refuse(loc, "graph input '" + info.name + "' of type " + elementTypeName(info.type) + " and rank " +
                    llvm::Twine(info.dims.size()) + " is not supported");
}

/// The model's one argument: rows of a step. False when it has another already.
bool GraphImporter::bindSequence(const ValueInfo &info, Type element, std::optional<int64_t> columns) {
  if (!sequenceInput.empty())
    return false;
  sequenceInput = info.name;
  llvm::SmallVector<int64_t> shape{ShapedType::kDynamic};
  if (columns)
    shape.push_back(*columns);
  function.getBody().addArgument(RankedTensorType::get(shape, element), NameLoc::get(builder.getStringAttr(info.name)));
  return true;
}

/// Walks up from the outputs; nodes in branches may name values outside.
void GraphImporter::markLive(std::vector<std::string> outputs) {
  for (const Node &node : model.graph().nodes)
    for (const std::string &output : node.outputs)
      producers.try_emplace(output, &node);
  std::vector<std::string> work = std::move(outputs);
  auto push = [&](auto &self, const Node &node) -> void {
    work.insert(work.end(), node.inputs.begin(), node.inputs.end());
    for (const Attribute &attribute : node.attributes)
      if (attribute.graph) {
        llvm::for_each(attribute.graph->nodes, [&](const Node &inner) { self(self, inner); });
        for (const ValueInfo &output : attribute.graph->outputs)
          work.push_back(output.name);
      }
  };
  while (!work.empty()) {
    std::string name = std::move(work.back());
    work.pop_back();
    if (name.empty() || !live.insert(name).second)
      continue;
    if (const Node *node = producers.lookup(name))
      push(push, *node);
  }
}

/// Rows are picked before the matmul of the language-model head, unless the graph picks after it.
void GraphImporter::findHead() {
  std::string name = config.logits;
  for (size_t steps = 0; steps <= model.graph().nodes.size(); ++steps) {
    const Node *node = producers.lookup(name);
    if (!node || node->inputs.empty())
      return;
    if (node->op == "MatMul" || node->op == "MatMulNBits") {
      head = node;
      return;
    }
    if (!isRowwise(node->op))
      return;
    bool firstIsConstant = node->inputs.size() > 1 && !producers.lookup(node->inputs[0]);
    name = node->inputs[firstIsConstant];
  }
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

void GraphImporter::importNode(const Node &node) {
  NodeImport import(*this, node);
  const TableRow *row = findRow(decoder ? ArrayRef(kTable) : ArrayRef(kGraphTable), node);
  bool poisoned = false;
  for (const std::string &input : node.inputs) {
    if (input.empty())
      continue;
    const Imported *value = lookup(input);
    if (const Node *maker = value ? nullptr : producers.lookup(input))
      (void)import.unsupported("it reads '" + input + "', which '" + maker->name +
                               "' makes, a later node: the graph has a cycle or is not in order");
    else if (!value)
      (void)import.unsupported("it reads '" + input + "', which nothing makes");
    poisoned |= value && std::holds_alternative<Poison>(*value);
  }
  int64_t version = model.opset(node.domain);
  if (!row)
    (void)import.unsupported(node.domain.empty() ? llvm::Twine("the op is not supported")
                                                 : "the op, of domain '" + node.domain + "', is not supported");
  else if (version < row->first || version > row->last)
    (void)import.unsupported("operator set " + llvm::Twine(version) + " is not supported, only " +
                             llvm::Twine(row->first) + " to " + llvm::Twine(row->last));
  import.poisoned = poisoned;
  importResults(import, import.failed() ? failure() : row->import(import));
}

void GraphImporter::importResults(NodeImport &import, LogicalResult outcome) {
  // What nothing asked for is refused, but the results stand: later nodes get their own look.
  bool good = succeeded(outcome) && !import.failed();
  if (good)
    import.checkUse();
  for (auto [index, name] : llvm::enumerate(import.node.outputs)) {
    if (name.empty())
      continue;
    std::optional<Imported> &given = import.results[index];
    if (good && !given && live.contains(name))
      (void)import.unsupported("output " + llvm::Twine(index) + " is not supported");
    if (!values.try_emplace(name, good && given ? std::move(*given) : Imported(Poison{})).second)
      (void)import.unsupported("'" + name + "' is made twice");
  }
}

std::vector<Imported> GraphImporter::importBranch(const Graph &branch) {
  std::vector<std::string> names;
  auto add = [&](const std::string &name) {
    if (!values.count(name))
      names.push_back(name);
  };
  for (const Tensor &tensor : branch.initializers) {
    add(tensor.name);
    values.try_emplace(tensor.name, TensorView{&tensor, tensor.dims});
  }
  for (const Node &node : branch.nodes)
    llvm::for_each(node.outputs, add);
  importNodes(branch);
  std::vector<Imported> results;
  for (const ValueInfo &output : branch.outputs) {
    const Imported *value = lookup(output.name);
    results.push_back(value ? *value : Imported());
  }
  for (const std::string &name : names)
    values.erase(name);
  return results;
}

const Imported *GraphImporter::lookup(StringRef name) const {
  auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

StringRef GraphImporter::addCache(int64_t heads, int64_t headDim, Location loc) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(function);
  std::string name = "kv" + std::to_string(caches++);
  return phiq::CacheOp::create(builder, loc, name, heads, headDim, builder.getF32Type()).getSymName();
}

LogicalResult GraphImporter::setRopeSwitch(int64_t threshold) {
  if (ropeSwitch.value_or(threshold) != threshold)
    return failure();
  ropeSwitch = threshold;
  return success();
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

Value GraphImporter::finish() {
  const Imported *value = lookup(config.logits);
  bool isOutput =
      llvm::any_of(model.graph().outputs, [&](const ValueInfo &info) { return info.name == config.logits; });
  if (!value || !isOutput) {
    refuse(function.getLoc(), "the graph has no output '" + config.logits + "'");
    return {};
  }
  if (std::holds_alternative<Poison>(*value))
    return {};
  const RowsValue *rows = std::get_if<RowsValue>(value);
  if (!rows || rows->view != RowsValue::View::Tokens ||
      !cast<ShapedType>(rows->value.getType()).getElementType().isF32()) {
    refuse(function.getLoc(), "graph output '" + config.logits + "' is not computed from tokens");
    return {};
  }
  if (!head && !pruned)
    refuse(function.getLoc(), "graph output '" + config.logits + "' is not made by a matmul");
  return rows->value;
}

/// Every cache must go round: layer N's present is what comes back as its past.
void GraphImporter::checkPresents() {
  unsigned presents = 0;
  for (const ValueInfo &output : model.graph().outputs) {
    Location loc = NameLoc::get(builder.getStringAttr(output.name));
    const Imported *value = lookup(output.name);
    if (const Present *present = value ? std::get_if<Present>(value) : nullptr) {
      ++presents;
      if (layerNumber(present->past) != layerNumber(output.name))
        refuse(loc, "graph output '" + output.name + "' continues '" + present->past + "', which is another layer's");
    } else if (output.name != config.logits && refusals.empty()) {
      emitRemark(loc) << "graph output '" << output.name << "' is left out: a program computes logits";
    }
  }
  if (refusals.empty() && presents != 2 * caches)
    refuse(function.getLoc(), llvm::Twine(caches) + " attention layers have " + llvm::Twine(2 * caches) +
                                  " keys and values, but the graph outputs " + llvm::Twine(presents));
}

void GraphImporter::setFiles() {
  SmallVector<mlir::Attribute> files;
  for (const std::string &file : model.files())
    files.push_back(builder.getStringAttr(file));
  (*module)->setAttr(phiq::PhiqDialect::kFiles, builder.getArrayAttr(files));
}

void GraphImporter::setAttributes(int64_t vocab) {
  setFiles();
  setModelFacts(*module,
                {config.type, vocab, contextMax, ropeSwitch.value_or(0), pruned, config.stopIds, config.sampling});
}

void GraphImporter::refuse(Location loc, const llvm::Twine &message) { refusals.emplace_back(loc, message.str()); }

void GraphImporter::emitRefusals() {
  InFlightDiagnostic error = emitError(function.getLoc());
  error << "the model cannot be imported, for " << refusals.size() << (refusals.size() == 1 ? " reason" : " reasons");
  for (auto &[loc, message] : refusals)
    error.attachNote(loc) << message;
}

} // namespace phic::onnx
