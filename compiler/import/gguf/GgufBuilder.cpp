//===- GgufBuilder.cpp - GGUF tables to a phiq module ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the decoder that a GGUF checkpoint stands for, as Hugging Face computes
// it: window, LongRoPE by sequence length. Weights become handles to the very
// bytes of the file; llama's permuted q and k keep their order and get
// interleaved RoPE. A layer:
//
//     %n = phiq.rms_norm %x, %attn_norm
//     %q, %k, %v = phiq.matmul %n, ...            (one for attn_qkv, then phiq.columns)
//     phiq.cache_append @kv0, rope(%k), %v
//     %x1 = %x + phiq.matmul(phiq.attend @kv0, rope(%q))
//     %x2 = %x1 + phiq.matmul(silu(gate(%n1)) * up(%n1)),  %n1 = phiq.rms_norm %x1, %ffn_norm
//
// Everything unsupported is collected while building and reported at once; the
// module is then thrown away.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufBuilder.h"
#include "compiler/import/gguf/GgufConfig.h"
#include "compiler/import/gguf/GgufReader.h"
#include "compiler/import/gguf/GgufWeights.h"
#include "dialects/phiq/Phiq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <bit>
#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace phic::gguf {
namespace {

class GgufBuilder {
public:
  GgufBuilder(MLIRContext &context, const GgufFile &file, WeightStore &store, const GgufConfig &config,
              const ImportOptions &options, std::vector<std::string> &reasons)
      : file(file), config(config), builder(&context), weights(builder, file, store, options.progress, reasons),
        context(std::min(config.context, options.maxContext)) {}

  OwningOpRef<ModuleOp> build(StringRef name);

private:
  struct RopeTables {
    Value cos, sin, longCos, longSin;
  };

  // Ops on rows
  RankedTensorType rows(int64_t columns) {
    return RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type());
  }
  Value norm(Value x, const Twine &name);
  Value linear(Value x, const Twine &name, int64_t outputs, int64_t inputs);
  Value withBias(Value x, const Twine &name);
  Value columns(Value x, int64_t begin, int64_t count);

  // The decoder
  std::vector<float> ropeFactors(StringRef name);
  Value ropeTable(StringRef kind, ArrayRef<float> factors, int64_t tableRows, double magnitude);
  void makeRopeTables();
  Value rope(Value x);
  void attentionInputs(Value x, const std::string &layer, Value &q, Value &k, Value &v);
  Value attention(Value x, const std::string &layer, int64_t index);
  Value feedForward(Value x, const std::string &layer);
  Value head(Value x, Value embedding, int64_t vocabulary);
  void setAttributes(ModuleOp module, StringRef name, int64_t vocabulary);

  Location at(const Twine &name) { return NameLoc::get(builder.getStringAttr(name)); }
  const GgufFile &file;
  const GgufConfig &config;
  OpBuilder builder;
  GgufWeights weights;
  int64_t context;        ///< positions that programs will use
  int64_t ropeSwitch = 0; ///< total length above which the long tables apply, or 0
  RopeTables tables;
};

//===----------------------------------------------------------------------===//
// Ops on rows
//===----------------------------------------------------------------------===//

Value GgufBuilder::norm(Value x, const Twine &name) {
  Value gamma = weights.get(name + ".weight", {config.hidden});
  return phiq::RmsNormOp::create(builder, at(name), x, gamma, builder.getF32FloatAttr(float(config.epsilon)));
}

/// x times the transpose of NAME.weight, plus NAME.bias if there is one.
Value GgufBuilder::linear(Value x, const Twine &name, int64_t outputs, int64_t inputs) {
  Value w = weights.get(name + ".weight", {outputs, inputs});
  Value product = phiq::MatmulOp::create(builder, at(name), rows(outputs), x, w, /*compute=*/StringAttr());
  return withBias(product, name);
}

Value GgufBuilder::withBias(Value x, const Twine &name) {
  std::string bias = (name + ".bias").str();
  if (!file.tensor(bias))
    return x;
  Value vector = weights.get(bias, {cast<ShapedType>(x.getType()).getDimSize(1)});
  return phiq::BiasOp::create(builder, at(bias), x, vector);
}

Value GgufBuilder::columns(Value x, int64_t begin, int64_t count) {
  return phiq::ColumnsOp::create(builder, x.getLoc(), rows(count), x, begin);
}

//===----------------------------------------------------------------------===//
// RoPE
//===----------------------------------------------------------------------===//

/// The numbers of a vector of divisors of the frequencies; empty when it is absent or wrong.
std::vector<float> GgufBuilder::ropeFactors(StringRef name) {
  if (!file.tensor(name))
    return {};
  const Tensor *tensor = weights.checkedTensor(name, {config.rotaryDim / 2});
  if (!tensor)
    return {};
  if (tensor->type != 0) {
    weights.refuse("tensor '" + name + "' has type " + ggufTypeName(tensor->type) + ", expected F32");
    return {};
  }
  std::vector<float> factors;
  ArrayRef<uint8_t> bytes = file.data(*tensor);
  for (int64_t i = 0; i < config.rotaryDim / 2; ++i) {
    factors.push_back(std::bit_cast<float>(llvm::support::endian::read32le(bytes.data() + 4 * i)));
    if (!std::isfinite(factors.back()) || factors.back() <= 0) {
      weights.refuse(formatv("tensor '{0}' holds {1}, expected positive factors", name, factors.back()));
      return {};
    }
  }
  return factors;
}

Value GgufBuilder::ropeTable(StringRef kind, ArrayRef<float> factors, int64_t tableRows, double magnitude) {
  auto type = RankedTensorType::get({tableRows, config.rotaryDim / 2}, builder.getF32Type());
  DenseF32ArrayAttr attribute = factors.empty() ? DenseF32ArrayAttr() : builder.getDenseF32ArrayAttr(factors);
  return phiq::RopeTableOp::create(builder, at("rope." + kind), type, builder.getStringAttr(kind),
                                   builder.getF64FloatAttr(config.ropeBase), builder.getF64FloatAttr(magnitude),
                                   builder.getI64IntegerAttr(config.rotaryDim), attribute);
}

/// LongRoPE has two tables: sequences of at most `originalContext` tokens use the short one.
void GgufBuilder::makeRopeTables() {
  std::vector<float> shortFactors = ropeFactors("rope_factors_short.weight");
  std::vector<float> longFactors = ropeFactors("rope_factors_long.weight");
  double magnitude = config.ropeMagnitude.value_or(1);
  if (shortFactors.empty() && longFactors.empty()) {
    std::vector<float> factors = ropeFactors("rope_freqs.weight");
    if (factors.empty() && config.ropeLinearFactor != 1)
      factors.assign(config.rotaryDim / 2, float(config.ropeLinearFactor));
    tables = {ropeTable("cos", factors, context, magnitude), ropeTable("sin", factors, context, magnitude), {}, {}};
    return;
  }
  if (shortFactors.empty() || longFactors.empty() || !config.originalContext) {
    weights.refuse("LongRoPE requires 'rope_factors_short.weight', 'rope_factors_long.weight' and the "
                   "metadata key "
                   "'rope.scaling.original_context_length'");
    return;
  }
  int64_t original = *config.originalContext;
  double stretch = double(config.context) / double(original);
  if (!config.ropeMagnitude && stretch > 1 && original > 1)
    magnitude = std::sqrt(1 + std::log(stretch) / std::log(double(original)));
  int64_t shortRows = std::min(context, original);
  tables = {ropeTable("cos", shortFactors, shortRows, magnitude),
            ropeTable("sin", shortFactors, shortRows, magnitude),
            {},
            {}};
  if (context <= original)
    return;
  ropeSwitch = original;
  tables.longCos = ropeTable("cos", longFactors, context, magnitude);
  tables.longSin = ropeTable("sin", longFactors, context, magnitude);
}

Value GgufBuilder::rope(Value x) {
  if (!tables.cos) // refused
    return x;
  IntegerAttr threshold = ropeSwitch ? builder.getI64IntegerAttr(ropeSwitch) : IntegerAttr();
  return phiq::RopeOp::create(builder, x.getLoc(), x, tables.cos, tables.sin, tables.longCos, tables.longSin,
                              builder.getI64IntegerAttr(config.headDim),
                              config.interleavedRope ? builder.getUnitAttr() : UnitAttr(), threshold);
}

//===----------------------------------------------------------------------===//
// The decoder
//===----------------------------------------------------------------------===//

/// attn_qkv holds rows q|k|v; otherwise there are three tensors.
void GgufBuilder::attentionInputs(Value x, const std::string &layer, Value &q, Value &k, Value &v) {
  int64_t queries = config.heads * config.headDim, keys = config.kvHeads * config.headDim;
  if (file.tensor(layer + "attn_qkv.weight")) {
    Value qkv = linear(x, layer + "attn_qkv", queries + 2 * keys, config.hidden);
    q = columns(qkv, 0, queries);
    k = columns(qkv, queries, keys);
    v = columns(qkv, queries + keys, keys);
    return;
  }
  q = linear(x, layer + "attn_q", queries, config.hidden);
  k = linear(x, layer + "attn_k", keys, config.hidden);
  v = linear(x, layer + "attn_v", keys, config.hidden);
}

Value GgufBuilder::attention(Value x, const std::string &layer, int64_t index) {
  Value q, k, v;
  attentionInputs(norm(x, layer + "attn_norm"), layer, q, k, v);
  auto cache = FlatSymbolRefAttr::get(builder.getContext(), "kv" + std::to_string(index));
  Location loc = at(layer + "attn");
  phiq::CacheAppendOp::create(builder, loc, cache, rope(k), v);
  // A window that reaches over the whole context hides nothing.
  bool hasWindow = config.window > 0 && config.window < context;
  Value attended = phiq::AttendOp::create(builder, loc, cache, rope(q), builder.getI64IntegerAttr(config.heads),
                                          builder.getF32FloatAttr(float(config.attentionScale)),
                                          hasWindow ? builder.getI64IntegerAttr(config.window) : IntegerAttr(),
                                          /*softcap=*/FloatAttr());
  Value projected = linear(attended, layer + "attn_output", config.hidden, config.heads * config.headDim);
  return arith::AddFOp::create(builder, at(layer + "attn_residual"), x, projected);
}

/// Without ffn_gate, ffn_up holds the rows of the gate, then those of up: two weights that share a
/// tensor.
Value GgufBuilder::feedForward(Value x, const std::string &layer) {
  Value normed = norm(x, layer + "ffn_norm");
  Value gate, up;
  if (file.tensor(layer + "ffn_gate.weight")) {
    gate = linear(normed, layer + "ffn_gate", config.ffn, config.hidden);
    up = linear(normed, layer + "ffn_up", config.ffn, config.hidden);
  } else {
    std::string name = layer + "ffn_up.weight";
    Value gateWeight = weights.get(name, {config.ffn, config.hidden}, /*firstRow=*/0, 2 * config.ffn);
    Value upWeight = weights.get(name, {config.ffn, config.hidden}, /*firstRow=*/config.ffn, 2 * config.ffn);
    gate = phiq::MatmulOp::create(builder, at(layer + "ffn_gate"), rows(config.ffn), normed, gateWeight, StringAttr());
    up = phiq::MatmulOp::create(builder, at(layer + "ffn_up"), rows(config.ffn), normed, upWeight, StringAttr());
  }
  Location loc = at(layer + "ffn_act");
  Value activated = arith::MulFOp::create(builder, loc, phiq::SiluOp::create(builder, loc, gate), up);
  Value projected = linear(activated, layer + "ffn_down", config.hidden, config.ffn);
  return arith::AddFOp::create(builder, at(layer + "ffn_residual"), x, projected);
}

/// Without output.weight the head is the embedding's transpose.
Value GgufBuilder::head(Value x, Value embedding, int64_t vocabulary) {
  Value wanted = phiq::LogitRowsOp::create(builder, at("output"), x, /*pruned=*/false);
  Value normed = norm(wanted, "output_norm");
  if (file.tensor("output.weight"))
    return linear(normed, "output", vocabulary, config.hidden);
  Value product = phiq::MatmulOp::create(builder, at("output"), rows(vocabulary), normed, embedding, StringAttr());
  return withBias(product, "output");
}

void GgufBuilder::setAttributes(ModuleOp module, StringRef name, int64_t vocabulary) {
  SmallVector<int32_t> stopIds;
  for (int32_t id : config.stopIds)
    if (id < vocabulary)
      stopIds.push_back(id);
  NamedAttrList facts;
  facts.set("name", builder.getStringAttr(config.name.empty() ? llvm::sys::path::stem(name) : StringRef(config.name)));
  facts.set("vocab", builder.getI64IntegerAttr(vocabulary));
  facts.set("context_max", builder.getI64IntegerAttr(context));
  facts.set("rope_switch", builder.getI64IntegerAttr(ropeSwitch));
  facts.set("pruned_head", builder.getBoolAttr(false));
  facts.set("stop_ids", builder.getDenseI32ArrayAttr(stopIds));
  facts.set("temperature", builder.getF32FloatAttr(float(config.temperature)));
  facts.set("top_p", builder.getF32FloatAttr(float(config.topP)));
  facts.set("min_p", builder.getF32FloatAttr(float(config.minP)));
  facts.set("repetition_penalty", builder.getF32FloatAttr(float(config.repetitionPenalty)));
  facts.set("top_k", builder.getI64IntegerAttr(config.topK));
  module->setAttr("phiq.model", facts.getDictionary(builder.getContext()));
  module->setAttr(phiq::PhiqDialect::kFiles, builder.getStrArrayAttr({name}));
}

OwningOpRef<ModuleOp> GgufBuilder::build(StringRef name) {
  Location loc = at(name);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, loc);
  // The vocabulary is what the embedding says; without one there is nothing to build.
  const Tensor *table = file.tensor("token_embd.weight");
  if (!table || table->shape.size() != 2 || table->shape[0] > uint64_t(INT32_MAX)) {
    weights.refuse("tensor 'token_embd.weight' is missing or no table");
    return module;
  }
  auto vocabulary = int64_t(table->shape[0]);
  builder.setInsertionPointToEnd(module->getBody());
  for (int64_t i = 0; i < config.layers; ++i)
    phiq::CacheOp::create(builder, at("kv" + Twine(i)), "kv" + std::to_string(i), config.kvHeads, config.headDim,
                          builder.getF32Type());
  auto idsType = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto function = func::FuncOp::create(builder, loc, "model", builder.getFunctionType(idsType, rows(vocabulary)));
  builder.setInsertionPointToEnd(function.addEntryBlock());

  Value embedding = weights.get("token_embd.weight", {vocabulary, config.hidden});
  makeRopeTables();
  Value x = phiq::EmbedOp::create(builder, at("token_embd"), rows(config.hidden), function.getArgument(0), embedding);
  for (int64_t i = 0; i < config.layers; ++i) {
    std::string layer = "blk." + std::to_string(i) + ".";
    x = attention(x, layer, i);
    x = feedForward(x, layer);
  }
  func::ReturnOp::create(builder, loc, head(x, embedding, vocabulary));
  weights.refuseUnused();
  setAttributes(*module, name, vocabulary);
  return module;
}

OwningOpRef<ModuleOp> refuseModel(Location loc, ArrayRef<std::string> reasons) {
  InFlightDiagnostic error = emitError(loc);
  error << "the model cannot be imported, for " << reasons.size() << (reasons.size() == 1 ? " reason" : " reasons");
  for (const std::string &reason : reasons)
    error.attachNote(loc) << reason;
  return {};
}

} // namespace

OwningOpRef<ModuleOp> buildModule(MLIRContext &context, StringRef path, const ImportOptions &options) {
  context.loadDialect<phiq::PhiqDialect, func::FuncDialect, arith::ArithDialect>();
  Location loc = NameLoc::get(StringAttr::get(&context, path));
  llvm::Expected<std::unique_ptr<GgufFile>> file = GgufFile::open(path);
  if (!file)
    return emitError(UnknownLoc::get(&context)) << llvm::toString(file.takeError()), nullptr; // it names the file
  StringRef folder = llvm::sys::path::parent_path(path), name = llvm::sys::path::filename(path);
  auto store = WeightStore::open(folder.empty() ? "." : folder, {name.str()});
  if (!store)
    return emitError(loc) << llvm::toString(store.takeError()), nullptr;

  std::vector<std::string> reasons, warnings;
  GgufConfig config = readConfig(**file, reasons, warnings);
  // Tensors are judged by the metadata: without it, their shapes would only cause echoes.
  if (!reasons.empty())
    return refuseModel(loc, reasons);
  for (const std::string &warning : warnings)
    emitWarning(loc) << warning;
  OwningOpRef<ModuleOp> module = GgufBuilder(context, **file, **store, config, options, reasons).build(name);
  if (!reasons.empty())
    return refuseModel(loc, reasons);
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

} // namespace phic::gguf
