//===- AttentionOps.cpp - Imports attention and rope -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     GroupQueryAttention(qkv, "", "", past_key, past_value, seqlens_k, total, cos, sin) -> out, present_key, present_value
//  becomes
//     %q = phiq.columns %qkv ...      %qr = phiq.rope %q, %cos, %sin ...
//     phiq.cache_append @kv0, %kr, %v      %out = phiq.attend @kv0, %qr
//
// The lengths that the graph computes are checked against past + seq: they are what
// phiq.attend means.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;

namespace phic::onnx {
namespace {

/// Tables for phiq.rope; the long ones are null without LongRoPE.
struct RopeTables {
  Value cos, sin, longCos, longSin;
  std::optional<int64_t> threshold;
};

/// One table, or two and when to switch. `first` and `longFirst` are the rows of position 0.
struct TableSource {
  TensorView view, longView;
  std::optional<int64_t> threshold;
  int64_t first = 0, longFirst = 0;
};

FailureOr<TableSource> tableSource(NodeImport &node, unsigned input) {
  TableSource source;
  if (const auto *selected = node.get<Selected>(input)) {
    source = {selected->shorter, selected->longer, selected->threshold};
  } else {
    FailureOr<TensorView> view = node.tensor(input, /*isFloat=*/true);
    if (llvm::failed(view))
      return failure();
    source.view = source.longView = *view;
  }
  for (const TensorView *view : {&source.view, &source.longView})
    if (view->dims.size() != 2 || view->transposed || !view->tensor->bytes ||
        !floatType(node.builder.getContext(), view->tensor->type))
      return node.unsupportedInput(input, "must be a float table [positions, rotary_dim / 2]");
  return source;
}

/// Positions may be shifted into a second table that follows the first one in the same
/// initializer: how builders for DirectML write LongRoPE.
LogicalResult shiftByPositions(NodeImport &node, unsigned input, TableSource &source) {
  FailureOr<Symbolic> positions = node.symbolic(input);
  if (llvm::failed(positions))
    return failure();
  bool counts =
      positions->kind == Symbolic::Kind::Ramp || (positions->kind == Symbolic::Kind::Values && positions->single());
  Affine first = counts ? positions->values[0] : Affine{};
  if (!counts || first.seq != 0 || first.past != 1 || first.constant < 0 || first.step < 0 ||
      (first.step && source.threshold))
    return node.unsupportedInput(input, "must be positions past, past + 1, ..., found " + positions->str());
  source.first = first.constant;
  source.longFirst = first.constant + first.step;
  if (first.step)
    source.threshold = first.threshold;
  return success();
}

/// The rows of `source` that programs need, at most `limit`.
FailureOr<Value> tableRows(NodeImport &node, unsigned input, const TensorView &view, int64_t first, int64_t limit) {
  int64_t rows = std::min(view.dims[0] - first, limit);
  if (rows < 1 || view.dims[1] < 1)
    return node.unsupportedInput(input, "has no row for position 0");
  return node.weights.rows(view, first, rows);
}

FailureOr<RopeTables> ropeTables(NodeImport &node, unsigned cosInput, unsigned sinInput,
                                 std::optional<unsigned> positionsInput) {
  FailureOr<TableSource> cos = tableSource(node, cosInput), sin = tableSource(node, sinInput);
  if (llvm::failed(cos) || llvm::failed(sin))
    return failure();
  if (positionsInput && (llvm::failed(shiftByPositions(node, *positionsInput, *cos)) ||
                         llvm::failed(shiftByPositions(node, *positionsInput, *sin))))
    return failure();
  if (cos->view.dims != sin->view.dims || cos->longView.dims != sin->longView.dims ||
      cos->threshold != sin->threshold || cos->view.dims[1] != cos->longView.dims[1])
    return node.unsupportedInput(sinInput, "must have the shape of the table of cosines");
  GraphImporter &importer = node.importer;
  int64_t limit = importer.contextLimit(), shortLimit = limit;
  int64_t rows = cos->view.dims[0] - cos->first, longRows = cos->longView.dims[0] - cos->longFirst;
  RopeTables tables;
  if (cos->threshold) {
    if (*cos->threshold < 1 || llvm::failed(importer.setRopeSwitch(*cos->threshold)))
      return node.unsupportedInput(cosInput, "switches tables at length " + llvm::Twine(*cos->threshold) +
                                                 ", and another node elsewhere");
    tables.threshold = cos->threshold;
    shortLimit = std::min(limit, *cos->threshold);
    // Up to the threshold positions come from the short table, beyond it all from the long one.
    rows = rows < *cos->threshold ? rows : std::max(longRows, *cos->threshold);
    FailureOr<Value> longCos = tableRows(node, cosInput, cos->longView, cos->longFirst, limit);
    FailureOr<Value> longSin = tableRows(node, sinInput, sin->longView, sin->longFirst, limit);
    if (llvm::failed(longCos) || llvm::failed(longSin))
      return failure();
    tables.longCos = *longCos;
    tables.longSin = *longSin;
  }
  FailureOr<Value> shortCos = tableRows(node, cosInput, cos->view, cos->first, shortLimit);
  FailureOr<Value> shortSin = tableRows(node, sinInput, sin->view, sin->first, shortLimit);
  if (llvm::failed(shortCos) || llvm::failed(shortSin))
    return failure();
  tables.cos = *shortCos;
  tables.sin = *shortSin;
  importer.limitContext(rows);
  return tables;
}

FailureOr<Value> rotate(NodeImport &node, Value x, const RopeTables &tables, int64_t headDim, bool interleaved) {
  if (headDim < 1 || columnsOf(x) % headDim || 2 * columnsOf(tables.cos) > headDim)
    return node.unsupported("heads of " + llvm::Twine(headDim) + " elements do not fit " + llvm::Twine(columnsOf(x)) +
                            " columns and a rotary dimension of " + llvm::Twine(2 * columnsOf(tables.cos)));
  OpBuilder &b = node.builder;
  return Value(phiq::RopeOp::create(b, node.loc, x.getType(), x, tables.cos, tables.sin, tables.longCos, tables.longSin,
                                    b.getI64IntegerAttr(headDim), interleaved ? b.getUnitAttr() : UnitAttr(),
                                    tables.threshold ? b.getI64IntegerAttr(*tables.threshold) : IntegerAttr()));
}

struct Attention {
  int64_t heads = 0, kvHeads = 0, headDim = 0;
  Value q, k, v;
  float scale = 0, softcap = 0;
  int64_t window = -1;
};

LogicalResult checkHeads(NodeImport &node, const Attention &a) {
  constexpr int64_t kMaxHeads = 1 << 16;
  if (a.heads < 1 || a.heads > kMaxHeads)
    return node.unsupportedAttribute("num_heads", "must be positive, found " + llvm::Twine(a.heads));
  if (a.kvHeads < 1 || a.heads % a.kvHeads)
    return node.unsupportedAttribute("kv_num_heads", "must divide num_heads " + llvm::Twine(a.heads) + ", found " +
                                                         llvm::Twine(a.kvHeads));
  return success();
}

/// The query input alone holds queries, keys and values, or there are three inputs.
LogicalResult splitHeads(NodeImport &node, Attention &a) {
  bool packed = !node.has(1) && !node.has(2);
  FailureOr<Value> first = node.allTokens(0);
  if (llvm::failed(first))
    return failure();
  int64_t heads = a.heads + (packed ? 2 * a.kvHeads : 0), columns = columnsOf(*first);
  if (!columns || columns % heads)
    return node.unsupportedInput(0, "has " + llvm::Twine(columns) + " columns for " + llvm::Twine(heads) + " heads");
  a.headDim = columns / heads;
  if (!packed) {
    FailureOr<Value> k = node.allTokens(1, a.kvHeads * a.headDim), v = node.allTokens(2, a.kvHeads * a.headDim);
    if (llvm::failed(k) || llvm::failed(v))
      return failure();
    a.q = *first, a.k = *k, a.v = *v;
    return success();
  }
  int64_t begin = 0;
  auto take = [&](int64_t count) -> Value {
    int64_t at = std::exchange(begin, begin + count * a.headDim);
    return phiq::ColumnsOp::create(node.builder, node.loc, rowsType(node.builder, count * a.headDim), *first, at);
  };
  a.q = take(a.heads), a.k = take(a.kvHeads), a.v = take(a.kvHeads);
  return success();
}

/// The past must be the graph's own, once; then the cache is phic's to lay out.
FailureOr<StringRef> bindCache(NodeImport &node, const Attention &a, unsigned keyInput, unsigned valueInput) {
  for (unsigned input : {keyInput, valueInput}) {
    const auto *past = node.get<Past>(input);
    if (!past)
      return node.unsupportedInput(input, "must be one of the graph's own inputs: a cache of past keys and values");
    auto differs = [&](unsigned axis, int64_t wanted) {
      return past->input->dims[axis] >= 0 && past->input->dims[axis] != wanted;
    };
    if (differs(1, a.kvHeads) || differs(3, a.headDim))
      return node.unsupportedInput(input, "must be [batch, " + llvm::Twine(a.kvHeads) + ", past, " +
                                              llvm::Twine(a.headDim) + "]");
    if (!node.importer.claimPast(past->input->name))
      return node.unsupportedInput(input, "is read by another node");
    node.result(input == keyInput ? 1 : 2, Present{past->input->name});
  }
  if (!node.hasResult(1) || !node.hasResult(2))
    return node.unsupported("present keys and values must be outputs");
  return node.importer.addCache(a.kvHeads, a.headDim, node.loc);
}

LogicalResult makeAttention(NodeImport &node, const Attention &a, unsigned keyInput, unsigned valueInput) {
  FailureOr<StringRef> cache = bindCache(node, a, keyInput, valueInput);
  if (llvm::failed(cache))
    return failure();
  OpBuilder &b = node.builder;
  auto symbol = FlatSymbolRefAttr::get(b.getContext(), *cache);
  phiq::CacheAppendOp::create(b, node.loc, symbol, a.k, a.v);
  float scale = a.scale != 0 ? a.scale : 1.0f / std::sqrt(float(a.headDim));
  node.result(0, RowsValue{phiq::AttendOp::create(b, node.loc, a.q.getType(), symbol, a.q, b.getI64IntegerAttr(a.heads),
                                                  b.getF32FloatAttr(scale),
                                                  a.window > 0 ? b.getI64IntegerAttr(a.window) : IntegerAttr(),
                                                  a.softcap != 0 ? b.getF32FloatAttr(a.softcap) : FloatAttr())});
  return success();
}

LogicalResult requireLength(NodeImport &node, unsigned input, Affine wanted, StringRef what) {
  FailureOr<Symbolic> value = node.symbolic(input);
  if (llvm::failed(value))
    return failure();
  if (!value->single() || *value->single() != wanted)
    return node.unsupportedInput(input, "(" + what + ") must be " + wanted.str() + ", found " + value->str());
  return success();
}

/// Attributes of GroupQueryAttention that must have their neutral value.
LogicalResult checkVariant(NodeImport &node) {
  // Says that cache buffers may be shorter than the context; how phic lays out its cache is its own matter.
  node.ignore({"sliding_window_cache", "qk_norm_epsilon"});
  if (int64_t smooth = node.integer("smooth_softmax", 0); smooth > 0)
    (void)node.unsupportedAttribute("smooth_softmax", "is not supported");
  for (StringRef name : {"qk_output", "kv_cache_bit_width"})
    (void)node.require(name, 0);
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (std::string type = node.text(name, "NONE"); type != "NONE")
      (void)node.unsupportedAttribute(name, "must be NONE, found " + type);
  if (int64_t window = node.integer("local_window_size", -1); window < 1 && window != -1)
    (void)node.unsupportedAttribute("local_window_size", "must be positive or -1, found " + llvm::Twine(window));
  return node.refuseInputs(10, {"attention_bias", "head_sink", "k_scale", "v_scale", "q_norm_weight", "k_norm_weight"});
}

} // namespace

LogicalResult importGroupQueryAttention(NodeImport &node) {
  Attention a;
  a.heads = node.integer("num_heads", 0);
  a.kvHeads = node.integer("kv_num_heads", 0);
  a.scale = node.real("scale", 0);
  a.softcap = node.real("softcap", 0);
  a.window = node.integer("local_window_size", -1);
  bool rotary = node.integer("do_rotary", 0), interleaved = node.integer("rotary_interleaved", 0);
  if (llvm::failed(checkVariant(node)) || llvm::failed(checkHeads(node, a)) || llvm::failed(splitHeads(node, a)) ||
      llvm::failed(requireLength(node, 5, {-1, 1, 1}, "seqlens_k")) ||
      llvm::failed(requireLength(node, 6, kTotal, "total_sequence_length")))
    return failure();
  if (rotary) {
    FailureOr<RopeTables> tables = ropeTables(node, 7, 8, node.has(9) ? std::optional(9u) : std::nullopt);
    if (llvm::failed(tables))
      return failure();
    FailureOr<Value> q = rotate(node, a.q, *tables, a.headDim, interleaved);
    FailureOr<Value> k = rotate(node, a.k, *tables, a.headDim, interleaved);
    if (llvm::failed(q) || llvm::failed(k))
      return failure();
    a.q = *q, a.k = *k;
  }
  return makeAttention(node, a, 3, 4);
}

/// The causal form without masks; a graph that adds its own mask is refused.
LogicalResult importMultiHeadAttention(NodeImport &node) {
  Attention a;
  a.heads = a.kvHeads = node.integer("num_heads", 0);
  a.scale = node.real("scale", 0);
  node.ignore({"mask_filter_value"});
  if (llvm::failed(checkHeads(node, a)) || llvm::failed(node.require("unidirectional", 1)) ||
      llvm::failed(node.refuseInputs(3, {"bias", "key_padding_mask", "attention_bias"})) ||
      llvm::failed(node.refuseInputs(8, {"past_sequence_length", "cache_indirection"})))
    return failure();
  if (!node.has(1) || !node.has(2))
    return node.unsupportedInput(1, "must be separate keys and values");
  if (llvm::failed(splitHeads(node, a)))
    return failure();
  return makeAttention(node, a, 6, 7);
}

LogicalResult importRotaryEmbedding(NodeImport &node) {
  int64_t heads = node.integer("num_heads", 0), rotary = node.integer("rotary_embedding_dim", 0);
  bool interleaved = node.integer("interleaved", 0);
  if (llvm::failed(node.require("is_packed_batching", 0)))
    return failure();
  if (float scale = node.real("scale", 1); scale != 1)
    return node.unsupportedAttribute("scale", "must be 1, found " + llvm::Twine(std::to_string(scale)));
  FailureOr<RowsValue> x = node.rows(0);
  if (llvm::failed(x))
    return failure();
  if (x->which != RowsValue::Which::All || !cast<ShapedType>(x->value.getType()).getElementType().isF32())
    return node.unsupportedInput(0, "must be floats of all tokens");
  FailureOr<RopeTables> tables = ropeTables(node, 2, 3, 1);
  if (llvm::failed(tables))
    return failure();
  int64_t tableDim = 2 * columnsOf(tables->cos);
  if (rotary && rotary != tableDim)
    return node.unsupportedAttribute("rotary_embedding_dim", "must be " + llvm::Twine(tableDim) +
                                                                 " as the tables have it, found " +
                                                                 llvm::Twine(rotary));
  // Without rotary_embedding_dim ONNX Runtime takes the head for the tables' width, whatever num_heads says.
  int64_t headDim = x->headDim ? x->headDim : !rotary ? tableDim : heads > 0 ? columnsOf(x->value) / heads : 0;
  FailureOr<Value> result = rotate(node, x->value, *tables, headDim, interleaved);
  if (llvm::failed(result))
    return failure();
  node.rowsResult(0, *result, *x);
  return success();
}

} // namespace phic::onnx
