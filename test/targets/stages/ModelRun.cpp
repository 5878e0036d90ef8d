//===- ModelRun.cpp - Runs a whole model's kernels in a test ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights are drawn in their packed form; the interpreter reads the same panels.
//===----------------------------------------------------------------------===//
#include "test/targets/stages/ModelRun.h"
#include "compiler/Pipeline.h"
#include "compiler/verify/StageBuffers.h"
#include "dialects/phiq/RopeTable.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "passes/Passes.h"
#include "targets/layout/PanelsDialect.h"
#include "targets/stages/StageFacts.h"
#include "test/targets/cpu/kernels/KernelJit.h"
#include "test/targets/cpu/kernels/RandomRow.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace mlir;

namespace phic {
namespace {

/// Bytes after each buffer that nothing may write.
constexpr int64_t kGuard = 256;
constexpr uint8_t kGuardByte = 0xa5;

/// A vector of one element is a scale of activations: so small that values take many steps.
constexpr float kStep = 1.0f / 64;

void allocate(std::vector<uint8_t> &bytes, int64_t size) {
  bytes.assign(size + kGuard, kGuardByte);
  std::fill(bytes.begin(), bytes.begin() + size, 0);
}
bool isWhole(const std::vector<uint8_t> &bytes) {
  return llvm::all_of(llvm::ArrayRef(bytes).take_back(kGuard), [](uint8_t byte) { return byte == kGuardByte; });
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

/// Writes the model op by op; names are SSA names.
class ModelWriter {
public:
  explicit ModelWriter(const ModelShape &s) : s(s) {}

  std::string write() {
    const int64_t q = s.heads * s.headDim, kv = s.kvHeads * s.headDim;
    declareWeights(q, kv);
    line("%h0 = phiq.embed %ids, %emb : tensor<?xi32>, {0} -> {1}", weightType(s.vocab, s.hidden), rows(s.hidden));
    norm("n1", "h0", "1");
    writeQkv(q, kv);
    for (auto [name, columns] : {std::pair<const char *, int64_t>{"q", q}, {"k", kv}})
      rope(name, columns);
    line("phiq.cache_append @kv0, %k1, %v0 : {0}, {0}", rows(kv));
    line("%a = phiq.attend @kv0, %q1 {{heads = {0} : i64, scale = 0.25 : f32{1}} : {2}", s.heads, s.attend, rows(q));
    matmul("o", snap("a", q), "wo", s.hidden, q);
    line("%h1 = arith.addf %h0, %o : {0}", rows(s.hidden));
    norm("n2", "h1", "2");
    const std::string x = snap("n2", s.hidden);
    matmul("gate", x, "wgate", s.ffn, s.hidden);
    matmul("up", x, "wup", s.ffn, s.hidden);
    line("%s = phiq.silu %{0} : {1}", snap("gate", s.ffn), rows(s.ffn));
    line("%m = arith.mulf %s, %up : {0}", rows(s.ffn));
    matmul("down", snap("m", s.ffn), "wdown", s.hidden, s.ffn);
    line("%h2 = arith.addf %h1, %down : {0}", rows(s.hidden));
    line("%l = phiq.logit_rows %h2 : {0}", rows(s.hidden));
    norm("n3", "l", "3");
    matmul("logits", snap("n3", s.hidden, "columns"), "emb", s.vocab, s.hidden);
    std::string cache = llvm::formatv("phiq.cache @kv0 {{heads = {0} : i64, head_dim = {1} : i64, element = f32}\n",
                                      s.kvHeads, s.headDim);
    return "module attributes {phiq.files = [\"w\"]} {\n" + cache + "func.func @model(%ids: tensor<?xi32>) -> " +
           rows(s.vocab) + " {\n" + text + "return %logits : " + rows(s.vocab) + "\n}\n}\n";
  }

private:
  const ModelShape &s;
  std::string text;

  template <typename... Ts> void line(const char *format, Ts &&...values) {
    text += llvm::formatv(format, std::forward<Ts>(values)...).str() + "\n";
  }
  std::string rows(int64_t columns) { return "tensor<?x" + std::to_string(columns) + "xf32>"; }
  std::string weightType(int64_t N, int64_t K) {
    bool isFloat = s.weights == "f32" || s.weights == "f16";
    return llvm::formatv("tensor<{0}x{1}x{2}>", N, K, isFloat ? s.weights : "!phiq.block<" + s.weights + ">");
  }
  /// Nobody reads the file: any layout that the format may have does.
  void weight(const char *name, std::string type) {
    line("%{0} = \"phiq.weight\"() <{{name = \"{0}\", layout = #phiq<storage\"dense_nk\">, ranges = []}> : () -> {1}",
         name, type);
  }
  void vector(std::string name, int64_t N) { weight(name.c_str(), llvm::formatv("tensor<{0}xf32>", N)); }

  void declareWeights(int64_t q, int64_t kv) {
    weight("emb", weightType(s.vocab, s.hidden));
    weight("wqkv", weightType(q + 2 * kv, s.hidden));
    weight("wq", weightType(q, s.hidden));
    weight("wk", weightType(kv, s.hidden));
    weight("wv", weightType(kv, s.hidden));
    weight("wo", weightType(s.hidden, q));
    weight("wgate", weightType(s.ffn, s.hidden));
    weight("wup", weightType(s.ffn, s.hidden));
    weight("wdown", weightType(s.hidden, s.ffn));
    vector("bqkv", q + 2 * kv);
    for (std::string i : {"1", "2", "3"}) {
      vector("g" + i, s.hidden);
      vector("b" + i, s.hidden);
    }
    vector("tensor", 1);
    vector("columns", s.hidden);
    for (const char *kind : {"cos", "sin"})
      for (const char *which : {"", "long_"})
        line("%{2}{0} = phiq.rope_table {0} {{base = {3} : f64, mscale = 1.0 : f64, rotary_dim = {1} : i64} : "
             "tensor<{4}x{5}xf32>",
             kind, s.rotary, which, *which ? "5.0e5" : "1.0e4", ModelRun::kContext, s.rotary / 2);
  }

  void writeQkv(int64_t q, int64_t kv) {
    if (!s.packed) {
      matmul("q0", "n1", "wq", q, s.hidden);
      matmul("k0", "n1", "wk", kv, s.hidden);
      matmul("v0", "n1", "wv", kv, s.hidden);
      return;
    }
    const int64_t all = q + 2 * kv;
    matmul("qkv", "n1", "wqkv", all, s.hidden);
    if (s.bias)
      line("%qkvb = phiq.bias %qkv, %bqkv : {0}, tensor<{1}xf32>", rows(all), all);
    int64_t begin = 0;
    for (auto [name, columns] : {std::pair<const char *, int64_t>{"q0", q}, {"k0", kv}, {"v0", kv}}) {
      line("%{0} = phiq.columns %{1} from {2} : {3} -> {4}", name, s.bias ? "qkvb" : "qkv", begin, rows(all),
           rows(columns));
      begin += columns;
    }
  }

  void norm(const char *name, const char *x, const char *i) {
    if (s.layerNorm)
      line(
          "%{0} = phiq.layer_norm %{1}, %g{2}, %b{2} {{epsilon = 1.0e-5 : f32} : {3}, tensor<{4}xf32>, tensor<{4}xf32>",
          name, x, i, rows(s.hidden), s.hidden);
    else
      line("%{0} = phiq.rms_norm %{1}, %g{2} {{epsilon = 1.0e-5 : f32} : {3}, tensor<{4}xf32>", name, x, i,
           rows(s.hidden), s.hidden);
  }

  /// The name of x rounded to codes, u8 with zero point 100, and back; by one scale or one a column.
  std::string snap(std::string x, int64_t columns, const char *scale = "tensor") {
    if (!s.snap)
      return x;
    std::string type = llvm::formatv("tensor<?x{0}x!phiq.block<u8, {0}, scale = f32, zero = 100>>", columns);
    const int64_t scales = llvm::StringRef(scale) == "tensor" ? 1 : columns;
    line("%{0}_codes = phiq.quantize %{0}, %{1} {{zero = 100 : i64} : {2}, tensor<{3}xf32> -> {4}", x, scale,
         rows(columns), scales, type);
    line("%{0}_snapped = phiq.dequantize %{0}_codes : {1} -> {2}", x, type, rows(columns));
    return x + "_snapped";
  }

  void rope(const char *name, int64_t columns) {
    std::string table = llvm::formatv("tensor<{0}x{1}xf32>", ModelRun::kContext, s.rotary / 2);
    std::string tables = table + ", " + table, attributes = llvm::formatv("head_dim = {0} : i64", s.headDim);
    if (s.interleaved)
      attributes += ", interleaved";
    if (s.ropeSwitch)
      attributes += llvm::formatv(", threshold = {0} : i64", s.ropeSwitch).str();
    line("%{0}1 = phiq.rope %{0}0, %cos, %sin {1} {{{2}} : {3}, {4} {5}", name,
         s.ropeSwitch ? "long %long_cos, %long_sin" : "", attributes, rows(columns), tables,
         s.ropeSwitch ? "long " + tables : "");
  }

  void matmul(const char *name, const std::string &x, const char *w, int64_t N, int64_t K) {
    line("%{0} = phiq.matmul %{1}, %{2} : {3}, {4} -> {5}", name, x, w, rows(K), weightType(N, K), rows(N));
  }
};

} // namespace

std::string modelText(const ModelShape &shape) { return ModelWriter(shape).write(); }

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

ModelRun::ModelRun(const ModelShape &shape) : context(makeKernelContext()) {
  const Target *level = testedLevel();
  ParserConfig config(context.get(), /*verifyAfterParse=*/false);
  module = parseSourceString<ModuleOp>(modelText(shape), config);
  if (!module)
    return;
  (*module)->setAttr(plan::PlanDialect::kFamily, Builder(context.get()).getStringAttr(llvm::StringRef(level->family)));
  Options options;
  options.activations = shape.activations;
  options.kvCache = shape.kvCache;
  options.chunkRows = kChunkRows;
  PassManager passes(context.get());
  // Weights without bytes do not pass phiq.weight's verifier.
  passes.enableVerifier(false);
  for (Phase phase :
       {Phase::Canonicalize, Phase::Quantize, Phase::Precision, Phase::Fuse, Phase::Layout, Phase::Kernels})
    addPhase(passes, phase, options, level);
  if (failed(passes.run(*module)))
    return;
  for (auto function : module->getOps<LLVM::LLVMFuncOp>())
    if (failed(verify(function)))
      return;
  module->walk([&](plan::StageOp stage) { stages.push_back(stage); });
  makeWeights();
  auto sizes = (*module)->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  allocate(memory.arena, int64_t(sizes.getArenaBytes()));
  allocate(memory.scratch, int64_t(sizes.getScratchBytes()));
  allocate(memory.cache, int64_t(sizes.getKvBytesPerToken()) * kContext);
  code = makeModelCode(*module);
}

void ModelRun::makeWeights() {
  auto sizes = (*module)->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  memory.segment.assign(sizes.getWeightsBytes() + 64, 0);
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 0.1f);
  module->walk([&](Operation *op) {
    auto packed = op->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
    if (!packed)
      return;
    PackedLayout layout = *packedLayoutOf(op);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    const int64_t N = type.getRank() == 1 ? 1 : type.getDimSize(0), K = type.getShape().back();
    uint8_t *out = memory.segment.data() + packed.getOffset();
    if (auto table = dyn_cast<phiq::RopeTableOp>(op))
      return ropeTableRows(table, 0, N, reinterpret_cast<float *>(out));
    for (int64_t n = 0; n < N; n += 8, out += layout.panelBytes(K)) {
      const int64_t count = std::min<int64_t>(8, N - n);
      std::vector<float> floats(count * K);
      for (float &value : floats)
        value = roundTo(layout.element, type.getRank() == 1 ? 1 + normal(random) : normal(random)) *
                (N * K == 1 ? kStep : 1);
      std::vector<BlockRow> rows(count);
      if (auto block = dyn_cast<phiq::BlockType>(type.getElementType())) {
        for (BlockRow &row : rows)
          row = randomRow(block.getFormat(), K, 0.02f, random);
        layout.packPanel(rows.data(), count, K, out);
      } else {
        layout.packPanel(floats.data(), count, K, out);
      }
    }
  });
  auto opened = PackedWeights::open(*module, memory.segment);
  ASSERT_TRUE(bool(opened)) << llvm::toString(opened.takeError());
  weights = std::move(*opened);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

std::vector<float> ModelRun::step(MClass mClass, llvm::ArrayRef<int32_t> ids, int64_t past, int64_t total,
                                  int64_t logitRow0) {
  memory.tokens = ids.vec();
  const int64_t rows = ids.size(), vocab = columnsOf(stages.back().getResult(0));
  allocate(memory.logits, (rows - logitRow0) * vocab * 4);
  slots = {reinterpret_cast<uint8_t *>(memory.tokens.data()), memory.logits.data(), memory.cache.data()};
  frame = {memory.segment.data(), memory.arena.data(), slots.data(), rows, past, total, kContext, logitRow0, nullptr,
           memory.scratch.data()};
  session.past = past;
  session.total = total;
  session.logitRow0 = logitRow0;
  code->run(mClass, frame, memory, [&](int32_t stage) {
    if (checks)
      checkStage(stages[size_t(stage)]);
  });
  std::vector<float> result((rows - logitRow0) * vocab);
  std::memcpy(result.data(), memory.logits.data(), result.size() * 4);
  return result;
}

void ModelRun::checkStage(plan::StageOp stage) {
  std::vector<Datum> inputs;
  for (Value input : stage.getInputs()) {
    Datum datum;
    Operation *source = input.getDefiningOp();
    if (!source)
      datum.ids = memory.tokens;
    else if (isa<plan::StageOp>(source))
      datum.rows = values[input];
    else
      datum.weight = source;
    inputs.push_back(std::move(datum));
  }
  llvm::StringMap<CacheState> before = session.caches;
  FailureOr<std::vector<Rows>> expected =
      Interpreter(*module, *weights, /*bounds=*/true).runStage(stage, inputs, session);
  ASSERT_TRUE(succeeded(expected)) << stage.getName().str();
  const int64_t count = stage.getLogitRows() ? frame.rows - frame.logit_row0 : frame.rows;
  for (unsigned i = 0; i < stage.getNumResults(); ++i) {
    auto buffer = cast<plan::BufferAttr>((*stage.getBuffers())[i]);
    const uint8_t *base =
        buffer.getSpace() == plan::Space::Binding ? memory.logits.data() : memory.arena.data() + buffer.getOffset();
    auto got = rowsFromBytes(cast<RankedTensorType>(stage.getResult(i).getType()), backendOf(*module),
                             {base, size_t(count * buffer.getRowBytes())}, count, buffer.getRowBytes());
    ASSERT_TRUE(bool(got)) << llvm::toString(got.takeError());
    judge(stage, "result " + std::to_string(i), compareRows(*got, (*expected)[i]).ratio);
    values[stage.getResult(i)] = std::move(got->rows);
  }
  for (auto append : stage.getBody().getOps<phiq::CacheAppendOp>()) {
    CacheState &state = session.caches[append.getCache()];
    auto op = module->lookupSymbol<phiq::CacheOp>(append.getCache());
    const int64_t positions = frame.past + frame.rows;
    auto bytesAt = [&](StringRef attribute) {
      const int64_t size = state.heads * state.headDim * (state.element == Scalar::F16 ? 2 : 4) * kContext;
      return llvm::ArrayRef(memory.cache.data() + op->getAttrOfType<IntegerAttr>(attribute).getInt() * kContext, size);
    };
    auto layout = op->getAttrOfType<plan::CacheLayoutAttr>(plan::PlanDialect::kCacheLayout);
    auto keys = keysFromBytes(state, layout, bytesAt(plan::PlanDialect::kKeyOffset), kContext, positions);
    auto stored = valuesFromBytes(state, layout, bytesAt(plan::PlanDialect::kValueOffset), kContext, positions);
    ASSERT_TRUE(keys && stored);
    const CacheState &old = before[append.getCache()];
    const bool isHalf = state.element == Scalar::F16;
    judge(stage, "keys", compareCache(*keys, state.keys, old.keys, frame.past, isHalf).ratio);
    judge(stage, "values", compareCache(*stored, state.values, old.values, frame.past, isHalf).ratio);
    state.keys = std::move(*keys);
    state.values = std::move(*stored);
  }
}

void ModelRun::judge(plan::StageOp stage, const std::string &what, double ratio) {
  if (ratio <= worstElement.ratio)
    return;
  worstElement = {ratio, stage.getName().str() + ", " + what + ", " + std::to_string(frame.rows) + " rows at " +
                             std::to_string(frame.past)};
}

bool ModelRun::guardsAreWhole() const {
  return isWhole(memory.arena) && isWhole(memory.cache) && isWhole(memory.scratch) && isWhole(memory.logits);
}

} // namespace phic
