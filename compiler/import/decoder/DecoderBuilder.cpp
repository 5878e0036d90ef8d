//===- DecoderBuilder.cpp - A decoder from numbers and weights -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds the decoder that a checkpoint stands for, as Hugging Face computes it: window,
// LongRoPE by sequence length. A layer:
//
//     %n = phiq.rms_norm %x, %attn_norm
//     %q, %k, %v = phiq.matmul %n, ...            (one for fused weights, then phiq.columns)
//     phiq.cache_append @kv0, rope(%k), %v
//     %x1 = %x + phiq.matmul(phiq.attend @kv0, rope(%q))
//     %x2 = %x1 + phiq.matmul(silu(gate(%n1)) * up(%n1)),  %n1 = phiq.rms_norm %x1, %ffn_norm
//
// Everything unsupported is collected while building and reported at once; the
// module is then thrown away.
//===----------------------------------------------------------------------===//
#include "compiler/import/decoder/DecoderBuilder.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Entry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace phic::decoder {
namespace {

class DecoderBuilder {
public:
  DecoderBuilder(MLIRContext *context, const DecoderConfig &config, DecoderWeights &weights, int64_t maxContext)
      : config(config), weights(weights), builder(context), context(std::min(config.context, maxContext)) {}

  OwningOpRef<ModuleOp> build(Location loc, ArrayRef<std::string> files);

private:
  struct RopeTables {
    Value cos, sin, longCos, longSin;
  };

  // Ops on rows
  RankedTensorType rows(int64_t columns) {
    return RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type());
  }
  Value norm(Value x, Role role, int64_t layer);
  Value linear(Value x, Role role, int64_t layer, int64_t outputs, int64_t inputs);
  Value matmul(Value x, Role role, int64_t layer, Value weight);
  Value withBias(Value x, Role role, int64_t layer);
  Value columns(Value x, int64_t begin, int64_t count);
  Value activated(Location loc, Value gate);

  // The decoder
  std::vector<float> ropeFactors(Role role);
  Value ropeTable(phiq::RopeTableKind kind, ArrayRef<float> factors, int64_t tableRows, double magnitude);
  void makeRopeTables();
  Value rope(Value x);
  void attentionInputs(Value x, int64_t layer, Value &q, Value &k, Value &v);
  Value attention(Value x, int64_t layer);
  void gateAndUp(Value x, int64_t layer, Value &gate, Value &up);
  Value feedForward(Value x, int64_t layer);
  Value head(Value x, Value embedding, int64_t vocabulary);
  void setAttributes(ModuleOp module, ArrayRef<std::string> files, int64_t vocabulary);

  Location at(const Twine &name) { return NameLoc::get(builder.getStringAttr(name)); }
  Location at(Role role, int64_t layer) { return at(weights.name(role, layer)); }
  /// Something of a layer that is no weight: "blk.0." + "attn".
  Location at(int64_t layer, StringRef what) { return at(weights.layerPrefix(layer) + what); }
  bool mayFuse(Fused what) const { return config.architecture.fused & what; }

  const DecoderConfig &config;
  DecoderWeights &weights;
  OpBuilder builder;
  int64_t context;        ///< positions that programs will use
  int64_t ropeSwitch = 0; ///< total length above which the long tables apply, or 0
  RopeTables tables;
};

//===----------------------------------------------------------------------===//
// Ops on rows
//===----------------------------------------------------------------------===//

Value DecoderBuilder::norm(Value x, Role role, int64_t layer) {
  Value gamma = weights.get(builder, {role, layer}, {config.hidden});
  FloatAttr epsilon = builder.getF32FloatAttr(float(config.epsilon));
  if (config.architecture.norm == Norm::Rms)
    return phiq::RmsNormOp::create(builder, at(role, layer), x, gamma, epsilon);
  Value beta = weights.get(builder, {role, layer, Part::Bias}, {config.hidden});
  return phiq::LayerNormOp::create(builder, at(role, layer), x, gamma, beta, epsilon);
}

/// x times the transpose of the weight, plus its bias if there is one.
Value DecoderBuilder::linear(Value x, Role role, int64_t layer, int64_t outputs, int64_t inputs) {
  Value weight = weights.get(builder, {role, layer}, {outputs, inputs});
  return withBias(matmul(x, role, layer, weight), role, layer);
}

Value DecoderBuilder::matmul(Value x, Role role, int64_t layer, Value weight) {
  int64_t outputs = cast<ShapedType>(weight.getType()).getDimSize(0);
  return phiq::MatmulOp::create(builder, at(role, layer), rows(outputs), x, weight,
                                /*compute=*/phiq::ComputeModeAttr());
}

Value DecoderBuilder::withBias(Value x, Role role, int64_t layer) {
  WeightId bias{role, layer, Part::Bias};
  if (!weights.has(bias))
    return x;
  Value vector = weights.get(builder, bias, {cast<ShapedType>(x.getType()).getDimSize(1)});
  return phiq::BiasOp::create(builder, at(weights.spelled(bias)), x, vector);
}

Value DecoderBuilder::columns(Value x, int64_t begin, int64_t count) {
  return phiq::ColumnsOp::create(builder, x.getLoc(), rows(count), x, begin);
}

Value DecoderBuilder::activated(Location loc, Value gate) {
  if (config.architecture.gate == Gate::Silu)
    return phiq::SiluOp::create(builder, loc, gate);
  return phiq::GeluTanhOp::create(builder, loc, gate);
}

//===----------------------------------------------------------------------===//
// RoPE
//===----------------------------------------------------------------------===//

/// The numbers of a vector of divisors of the frequencies, with the linear factor in them; empty when it is absent or wrong.
std::vector<float> DecoderBuilder::ropeFactors(Role role) {
  std::vector<float> factors = weights.numbers({role}, config.rope.dim / 2);
  for (float factor : factors)
    if (!std::isfinite(factor) || factor <= 0) {
      weights.refuse(formatv("tensor '{0}' holds {1}, expected positive factors", weights.spelled({role}), factor));
      return {};
    }
  for (float &factor : factors)
    factor = float(double(factor) * config.rope.linearFactor);
  return factors;
}

Value DecoderBuilder::ropeTable(phiq::RopeTableKind kind, ArrayRef<float> factors, int64_t tableRows,
                                double magnitude) {
  auto type = RankedTensorType::get({tableRows, config.rope.dim / 2}, builder.getF32Type());
  DenseF32ArrayAttr attribute = factors.empty() ? DenseF32ArrayAttr() : builder.getDenseF32ArrayAttr(factors);
  return phiq::RopeTableOp::create(builder, at("rope." + stringifyRopeTableKind(kind)), type,
                                   phiq::RopeTableKindAttr::get(builder.getContext(), kind),
                                   builder.getF64FloatAttr(config.rope.base), builder.getF64FloatAttr(magnitude),
                                   builder.getI64IntegerAttr(config.rope.dim), attribute);
}

/// LongRoPE has two tables: sequences of at most `originalContext` tokens use the short one.
void DecoderBuilder::makeRopeTables() {
  std::vector<float> shortFactors = ropeFactors(Role::ShortRopeFactors);
  std::vector<float> longFactors = ropeFactors(Role::LongRopeFactors);
  double magnitude = config.rope.magnitude.value_or(1);
  if (shortFactors.empty() && longFactors.empty()) {
    std::vector<float> factors = ropeFactors(Role::RopeFactors);
    if (factors.empty() && config.rope.linearFactor != 1)
      factors.assign(config.rope.dim / 2, float(config.rope.linearFactor));
    tables = {ropeTable(phiq::RopeTableKind::Cos, factors, context, magnitude),
              ropeTable(phiq::RopeTableKind::Sin, factors, context, magnitude),
              {},
              {}};
    return;
  }
  if (shortFactors.empty() || longFactors.empty() || !config.rope.originalContext) {
    weights.refuse("LongRoPE requires '" + weights.spelled({Role::ShortRopeFactors}) + "', '" +
                   weights.spelled({Role::LongRopeFactors}) + "' and the original context length");
    return;
  }
  int64_t original = *config.rope.originalContext;
  double stretch = double(config.context) / double(original);
  if (!config.rope.magnitude && stretch > 1 && original > 1)
    magnitude = std::sqrt(1 + std::log(stretch) / std::log(double(original)));
  int64_t shortRows = std::min(context, original);
  tables = {ropeTable(phiq::RopeTableKind::Cos, shortFactors, shortRows, magnitude),
            ropeTable(phiq::RopeTableKind::Sin, shortFactors, shortRows, magnitude),
            {},
            {}};
  if (context <= original)
    return;
  ropeSwitch = original;
  tables.longCos = ropeTable(phiq::RopeTableKind::Cos, longFactors, context, magnitude);
  tables.longSin = ropeTable(phiq::RopeTableKind::Sin, longFactors, context, magnitude);
}

Value DecoderBuilder::rope(Value x) {
  if (!tables.cos) // refused
    return x;
  IntegerAttr threshold = ropeSwitch ? builder.getI64IntegerAttr(ropeSwitch) : IntegerAttr();
  return phiq::RopeOp::create(builder, x.getLoc(), x, tables.cos, tables.sin, tables.longCos, tables.longSin,
                              builder.getI64IntegerAttr(config.headDim),
                              config.rope.interleaved ? builder.getUnitAttr() : UnitAttr(), threshold);
}

//===----------------------------------------------------------------------===//
// The decoder
//===----------------------------------------------------------------------===//

void DecoderBuilder::attentionInputs(Value x, int64_t layer, Value &q, Value &k, Value &v) {
  int64_t queries = config.heads * config.headDim, keys = config.kvHeads * config.headDim;
  if (mayFuse(Qkv) && weights.has({Role::QueryKeyValue, layer})) {
    Value qkv = linear(x, Role::QueryKeyValue, layer, queries + 2 * keys, config.hidden);
    q = columns(qkv, 0, queries);
    k = columns(qkv, queries, keys);
    v = columns(qkv, queries + keys, keys);
    return;
  }
  q = linear(x, Role::Query, layer, queries, config.hidden);
  k = linear(x, Role::Key, layer, keys, config.hidden);
  v = linear(x, Role::Value, layer, keys, config.hidden);
}

Value DecoderBuilder::attention(Value x, int64_t layer) {
  Value q, k, v;
  attentionInputs(norm(x, Role::AttentionNorm, layer), layer, q, k, v);
  auto cache = FlatSymbolRefAttr::get(builder.getContext(), "kv" + std::to_string(layer));
  Location loc = at(layer, "attn");
  phiq::CacheAppendOp::create(builder, loc, cache, rope(k), v);
  // A window that reaches over the whole context hides nothing.
  bool hasWindow = config.window > 0 && config.window < context;
  Value attended = phiq::AttendOp::create(builder, loc, cache, rope(q), builder.getI64IntegerAttr(config.heads),
                                          builder.getF32FloatAttr(float(config.attentionScale)),
                                          hasWindow ? builder.getI64IntegerAttr(config.window) : IntegerAttr(),
                                          /*softcap=*/FloatAttr());
  Value projected = linear(attended, Role::AttentionOutput, layer, config.hidden, config.heads * config.headDim);
  return arith::AddFOp::create(builder, at(layer, "attn_residual"), x, projected);
}

/// A fused weight is two that share a tensor.
void DecoderBuilder::gateAndUp(Value x, int64_t layer, Value &gate, Value &up) {
  if (!mayFuse(GateUp) || weights.has({Role::Gate, layer})) {
    gate = linear(x, Role::Gate, layer, config.ffn, config.hidden);
    up = linear(x, Role::Up, layer, config.ffn, config.hidden);
    return;
  }
  WeightId both{Role::GateUp, layer};
  Value gateWeight = weights.get(builder, both, {config.ffn, config.hidden}, {/*first=*/0, /*all=*/2 * config.ffn});
  Value upWeight = weights.get(builder, both, {config.ffn, config.hidden}, {/*first=*/config.ffn, 2 * config.ffn});
  gate = matmul(x, Role::Gate, layer, gateWeight);
  up = matmul(x, Role::Up, layer, upWeight);
}

Value DecoderBuilder::feedForward(Value x, int64_t layer) {
  Value gate, up;
  gateAndUp(norm(x, Role::FeedForwardNorm, layer), layer, gate, up);
  Location loc = at(layer, "ffn_act");
  Value product = arith::MulFOp::create(builder, loc, activated(loc, gate), up);
  Value projected = linear(product, Role::Down, layer, config.hidden, config.ffn);
  return arith::AddFOp::create(builder, at(layer, "ffn_residual"), x, projected);
}

/// Without a weight of its own the head is the embedding's transpose.
Value DecoderBuilder::head(Value x, Value embedding, int64_t vocabulary) {
  Value wanted = phiq::LogitRowsOp::create(builder, at(Role::Head, 0), x, /*pruned=*/false);
  Value normed = norm(wanted, Role::OutputNorm, 0);
  if (weights.has({Role::Head}))
    return linear(normed, Role::Head, 0, vocabulary, config.hidden);
  return withBias(matmul(normed, Role::Head, 0, embedding), Role::Head, 0);
}

void DecoderBuilder::setAttributes(ModuleOp module, ArrayRef<std::string> files, int64_t vocabulary) {
  std::vector<int32_t> stopIds;
  llvm::copy_if(config.stopIds, std::back_inserter(stopIds), [&](int32_t id) { return id < vocabulary; });
  setModelFacts(module, {config.name, vocabulary, context, ropeSwitch, /*prunedHead=*/false, stopIds, config.sampling});
  SmallVector<StringRef> names(files.begin(), files.end());
  module->setAttr(phiq::PhiqDialect::kFiles, builder.getStrArrayAttr(names));
}

OwningOpRef<ModuleOp> DecoderBuilder::build(Location loc, ArrayRef<std::string> files) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, loc);
  // The vocabulary is what the embedding says; without one there is nothing to build.
  SmallVector<int64_t> table = weights.shape({Role::Embedding});
  if (table.size() != 2 || table[0] < 1 || table[0] > INT32_MAX) {
    weights.refuse("tensor '" + weights.spelled({Role::Embedding}) + "' is missing or no table");
    return module;
  }
  int64_t vocabulary = table[0];
  builder.setInsertionPointToEnd(module->getBody());
  for (int64_t i = 0; i < config.layers; ++i)
    phiq::CacheOp::create(builder, at("kv" + Twine(i)), "kv" + std::to_string(i), config.kvHeads, config.headDim,
                          builder.getF32Type());
  auto idsType = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  auto function = func::FuncOp::create(builder, loc, "model", builder.getFunctionType(idsType, rows(vocabulary)));
  plan::nameArgument(function, 0, plan::BindingKind::Input, "input_ids");
  plan::nameResult(function, 0, plan::BindingKind::Result, "logits");
  builder.setInsertionPointToEnd(function.addEntryBlock());

  Value embedding = weights.get(builder, {Role::Embedding}, {vocabulary, config.hidden});
  makeRopeTables();
  Value x =
      phiq::EmbedOp::create(builder, at(Role::Embedding, 0), rows(config.hidden), function.getArgument(0), embedding);
  for (int64_t layer = 0; layer < config.layers; ++layer)
    x = feedForward(attention(x, layer), layer);
  func::ReturnOp::create(builder, loc, head(x, embedding, vocabulary));
  weights.refuseUnused();
  setAttributes(*module, files, vocabulary);
  return module;
}

} // namespace

OwningOpRef<ModuleOp> refuseModel(Location loc, ArrayRef<std::string> reasons) {
  InFlightDiagnostic error = emitError(loc);
  error << "the model cannot be imported, for " << reasons.size() << (reasons.size() == 1 ? " reason" : " reasons");
  for (const std::string &reason : reasons)
    error.attachNote(loc) << reason;
  return {};
}

OwningOpRef<ModuleOp> buildDecoder(Location loc, const DecoderConfig &config, DecoderWeights &weights,
                                   ArrayRef<std::string> files, int64_t maxContext) {
  MLIRContext *context = loc.getContext();
  context->loadDialect<phiq::PhiqDialect, plan::PlanDialect, func::FuncDialect, arith::ArithDialect>();
  if (std::vector<std::string> wrong = checkConfig(config); !wrong.empty())
    return refuseModel(loc, wrong);
  Location name = NameLoc::get(StringAttr::get(context, files.front()));
  OwningOpRef<ModuleOp> module = DecoderBuilder(context, config, weights, maxContext).build(name, files);
  if (!weights.reasons().empty())
    return refuseModel(loc, weights.reasons());
  if (failed(verify(*module)))
    return nullptr;
  return module;
}

} // namespace phic::decoder
