//===- GgufImportTest.cpp - GGUF files become phiq modules -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../ImportModel.h"
#include "GgufWriter.h"
#include "compiler/weights/WeightReader.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Phiq.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <limits>

using namespace phic;
using gguf::GgufWriter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace {

constexpr uint32_t kF32 = 0, kQ4_0 = 2, kIq2Xxs = 16, kBf16 = 30;

/// One layer, hidden 64, 2 query heads of 32 on 1 key-value head.
GgufWriter decoder(const std::string &architecture) {
  GgufWriter writer;
  std::string prefix = architecture + ".";
  writer.string("general.architecture", architecture).string("general.name", "Tiny");
  writer.u32(prefix + "block_count", 1).u32(prefix + "context_length", 100).u32(prefix + "embedding_length", 64);
  writer.u32(prefix + "feed_forward_length", 96).u32(prefix + "attention.head_count", 2);
  writer.u32(prefix + "attention.head_count_kv", 1).f32(prefix + "attention.layer_norm_rms_epsilon", 0.5f);
  writer.tensor("token_embd.weight", kQ4_0, {10, 64}).tensor("output_norm.weight", kF32, {64});
  writer.tensor("blk.0.attn_norm.weight", kF32, {64}).tensor("blk.0.ffn_norm.weight", kF32, {64});
  writer.tensor("blk.0.attn_output.weight", kQ4_0, {64, 64}).tensor("blk.0.ffn_down.weight", kQ4_0, {64, 96});
  return writer;
}

GgufWriter llama() {
  GgufWriter writer = decoder("llama");
  writer.tensor("blk.0.attn_q.weight", kQ4_0, {64, 64}).tensor("blk.0.attn_k.weight", kQ4_0, {32, 64});
  writer.tensor("blk.0.attn_v.weight", kQ4_0, {32, 64}).tensor("blk.0.ffn_gate.weight", kQ4_0, {96, 64});
  writer.tensor("blk.0.ffn_up.weight", kQ4_0, {96, 64});
  return writer;
}

GgufWriter phi3() {
  GgufWriter writer = decoder("phi3");
  writer.tensor("blk.0.attn_qkv.weight", kQ4_0, {128, 64}).tensor("blk.0.ffn_up.weight", kQ4_0, {192, 64});
  return writer;
}

class GgufImport : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-gguf", directory)); }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  mlir::OwningOpRef<mlir::ModuleOp> importFile(llvm::StringRef path, int64_t maxContext = 4096) {
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      diagnostics.push_back(diagnostic.str());
      for (mlir::Diagnostic &note : diagnostic.getNotes())
        diagnostics.push_back(note.str());
      return mlir::success();
    });
    return importModel(context, path.str(), {maxContext});
  }

  mlir::OwningOpRef<mlir::ModuleOp> importBytes(const std::string &bytes, int64_t maxContext = 4096) {
    return importFile(write("model.gguf", bytes), maxContext);
  }

  /// The path of a new file.
  std::string write(const std::string &name, const std::string &bytes) {
    std::string path = (directory + "/" + name).str();
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << bytes;
    EXPECT_FALSE(error);
    return path;
  }

  std::string textOf(const GgufWriter &writer, int64_t maxContext = 4096) {
    mlir::OwningOpRef<mlir::ModuleOp> module = importBytes(writer.bytes(), maxContext);
    EXPECT_THAT(diagnostics, ElementsAre());
    std::string text;
    if (module)
      llvm::raw_string_ostream(text) << *module;
    return text;
  }

  std::vector<std::string> errorsOf(const GgufWriter &writer) {
    diagnostics.clear();
    EXPECT_FALSE(importBytes(writer.bytes()));
    return diagnostics;
  }

  mlir::MLIRContext context;
  llvm::SmallString<128> directory;
  std::vector<std::string> diagnostics;
};

TEST_F(GgufImport, LlamaKeepsPermutedWeightsAndRotatesPairs) {
  std::string text = textOf(llama());
  EXPECT_THAT(text, HasSubstr("phiq.files = [\"model.gguf\"]"));
  EXPECT_THAT(text, HasSubstr("name = \"Tiny\""));
  EXPECT_THAT(text, HasSubstr("phiq.cache @kv0 {element = f32, head_dim = 32 : i64, heads = 1 : i64}"));
  EXPECT_THAT(
      text, HasSubstr("func.func @model(%arg0: tensor<?xi32> {plan.binding = #plan.binding<input, \"input_ids\">}) -> "
                      "(tensor<?x10xf32> {plan.binding = #plan.binding<result, \"logits\">})"));
  EXPECT_THAT(text, HasSubstr("rotary_dim = 32 : i64} : tensor<100x16xf32>"));
  EXPECT_THAT(text, HasSubstr("{head_dim = 32 : i64, interleaved} : tensor<?x32xf32>"));
  EXPECT_THAT(text, HasSubstr("phiq.rms_norm"));
  EXPECT_THAT(text, HasSubstr("{epsilon = 5.000000e-01 : f32}"));
  EXPECT_THAT(text, HasSubstr("{heads = 2 : i64, scale = 0.176776692 : f32} : tensor<?x64xf32>"));
  EXPECT_THAT(text, Not(HasSubstr("phiq.columns")));
}

TEST_F(GgufImport, Phi3SplitsFusedProjections) {
  std::string text = textOf(phi3());
  EXPECT_THAT(text, HasSubstr("from 0 : tensor<?x128xf32> -> tensor<?x64xf32>"));
  EXPECT_THAT(text, HasSubstr("from 64 : tensor<?x128xf32> -> tensor<?x32xf32>"));
  EXPECT_THAT(text, HasSubstr("from 96 : tensor<?x128xf32> -> tensor<?x32xf32>"));
  EXPECT_THAT(text, HasSubstr("\"blk.0.ffn_up.weight[0:96]\""));
  EXPECT_THAT(text, HasSubstr("\"blk.0.ffn_up.weight[96:192]\""));
  EXPECT_THAT(text, Not(HasSubstr("interleaved")));
}

TEST_F(GgufImport, HeadIsTiedUnlessThereIsOne) {
  EXPECT_THAT(textOf(llama()), Not(HasSubstr("\"output.weight\"")));
  EXPECT_THAT(textOf(llama().tensor("output.weight", kF32, {10, 64})), HasSubstr("\"output.weight\""));
}

TEST_F(GgufImport, FloatsKeepTheirType) {
  EXPECT_THAT(textOf(llama().tensor("output.weight", kBf16, {10, 64})), HasSubstr(": tensor<10x64xbf16>"));
}

TEST_F(GgufImport, WindowAppliesWhereItHidesSomething) {
  EXPECT_THAT(textOf(phi3().u32("phi3.attention.sliding_window", 16)), HasSubstr("window = 16 : i64"));
  EXPECT_THAT(textOf(phi3().u32("phi3.attention.sliding_window", 0)), Not(HasSubstr("window")));
  EXPECT_THAT(textOf(phi3().u32("phi3.attention.sliding_window", 100)), Not(HasSubstr("window")));
  EXPECT_THAT(textOf(phi3().u32("phi3.attention.sliding_window", 16), /*maxContext=*/16), Not(HasSubstr("window")));
}

GgufWriter longRope() {
  GgufWriter writer = phi3().u32("phi3.rope.dimension_count", 24).u32("phi3.rope.scaling.original_context_length", 25);
  return writer.floats("rope_factors_short.weight", std::vector<float>(12, 1.0f))
      .floats("rope_factors_long.weight", std::vector<float>(12, 2.0f));
}

TEST_F(GgufImport, LongRopeHasTwoTablesAndAThreshold) {
  std::string text = textOf(longRope());
  EXPECT_THAT(text, HasSubstr("rope_switch = 25"));
  // sqrt(1 + ln(100 / 25) / ln(25))
  EXPECT_THAT(text, HasSubstr("mscale = 1.196108924"));
  EXPECT_THAT(text, HasSubstr("rotary_dim = 24 : i64} : tensor<25x12xf32>"));
  EXPECT_THAT(text, HasSubstr("rotary_dim = 24 : i64} : tensor<100x12xf32>"));
  EXPECT_THAT(text, HasSubstr("{head_dim = 32 : i64, threshold = 25 : i64}"));
}

TEST_F(GgufImport, LongTablesAreLeftOutOfShortPrograms) {
  std::string text = textOf(longRope(), /*maxContext=*/20);
  EXPECT_THAT(text, HasSubstr("context_max = 20"));
  EXPECT_THAT(text, HasSubstr("rope_switch = 0"));
  EXPECT_THAT(text, HasSubstr("mscale = 1.196108924"));
  EXPECT_THAT(text, HasSubstr("tensor<20x12xf32>"));
  EXPECT_THAT(text, Not(HasSubstr("threshold")));
}

TEST_F(GgufImport, AttnFactorOfTheFileWins) {
  EXPECT_THAT(textOf(longRope().f32("phi3.rope.scaling.attn_factor", 1.5f)), HasSubstr("mscale = 1.500000e+00 : f64"));
}

TEST_F(GgufImport, FrequencyFactorsAndLinearScaling) {
  EXPECT_THAT(textOf(llama().floats("rope_freqs.weight", std::vector<float>(16, 4.0f))),
              HasSubstr("factors = array<f32: 4.000000e+00, 4.000000e+00,"));
  EXPECT_THAT(textOf(llama().string("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 2.0f)),
              HasSubstr("factors = array<f32: 2.000000e+00, 2.000000e+00,"));
}

/// As llama.cpp: linear without a type, times other factors, never with "none"; the newer key counts.
TEST_F(GgufImport, LinearScalingHoweverItIsStated) {
  // Of the rotary tables: offsets of weights move with the keys before them.
  auto tablesOf = [&](const GgufWriter &writer) {
    const std::string text = textOf(writer);
    std::string tables;
    for (llvm::StringRef line : llvm::split(text, '\n'))
      if (line.contains("phiq.rope_table"))
        tables += line.str() + "\n";
    return tables;
  };
  const std::string plain = tablesOf(llama());
  auto factor = [](GgufWriter writer, float value) { return writer.f32("llama.rope.scaling.factor", value); };
  auto type = [](GgufWriter writer, const char *name) { return writer.string("llama.rope.scaling.type", name); };
  const std::string scaled = tablesOf(factor(type(llama(), "linear"), 4));
  EXPECT_THAT(scaled, HasSubstr("factors = array<f32: 4.000000e+00,"));
  EXPECT_EQ(tablesOf(factor(llama(), 4)), scaled);
  EXPECT_EQ(tablesOf(llama().f32("llama.rope.scale_linear", 4)), scaled);
  EXPECT_EQ(tablesOf(factor(llama().f32("llama.rope.scale_linear", 8), 4)), scaled);
  EXPECT_EQ(tablesOf(factor(type(llama(), "longrope"), 4)), scaled); // without factors of its own
  EXPECT_EQ(tablesOf(factor(type(llama(), "none"), 4)), plain);
  EXPECT_EQ(tablesOf(type(llama(), "none").f32("llama.rope.scale_linear", 4)), plain);
  EXPECT_EQ(tablesOf(factor(llama(), 0)), plain);
  EXPECT_THAT(tablesOf(factor(llama().floats("rope_freqs.weight", std::vector<float>(16, 3.0f)), 4)),
              HasSubstr("factors = array<f32: 1.200000e+01,"));
  EXPECT_THAT(tablesOf(longRope().f32("phi3.rope.scaling.factor", 4)), HasSubstr("factors = array<f32: 8.000000e+00,"));
}

TEST_F(GgufImport, StopIdsAndSampling) {
  GgufWriter writer = llama().u32("tokenizer.ggml.eos_token_id", 7).u32("tokenizer.ggml.eot_token_id", 3);
  writer.strings("tokenizer.ggml.tokens", {"a", "<|end|>", "<|im_end|>", "b", "c"});
  writer.array<int32_t>("tokenizer.ggml.token_type", gguf::ValueType::I32, {1, 3, 1, 1, 1});
  writer.f32("general.sampling.temp", 0.5f).u32("general.sampling.top_k", 40);
  std::string text = textOf(writer);
  EXPECT_THAT(text, HasSubstr("stop_ids = [1, 3, 7]"));
  EXPECT_THAT(text, HasSubstr("temperature = 5.000000e-01 : f32"));
  EXPECT_THAT(text, HasSubstr("top_k = 40"));
}

TEST_F(GgufImport, BiasesAreAdded) {
  EXPECT_THAT(textOf(llama().tensor("blk.0.attn_q.bias", kF32, {64})), HasSubstr("phiq.bias"));
}

TEST_F(GgufImport, EverythingUnsupportedIsReportedAtOnce) {
  GgufWriter writer = decoder("llama");
  writer.tensor("blk.0.attn_q.weight", kIq2Xxs, {64, 64}).tensor("blk.0.attn_k.weight", kQ4_0, {64, 64});
  writer.tensor("blk.0.attn_v.weight", kQ4_0, {32, 64}).tensor("blk.0.ffn_gate.weight", kQ4_0, {96, 64});
  writer.tensor("blk.0.ffn_gate_inp.weight", kF32, {4, 64});
  EXPECT_THAT(errorsOf(writer), ElementsAre("the model cannot be imported, for 4 reasons",
                                            "tensor 'blk.0.attn_q.weight' has type IQ2_XXS, supported are F32, F16, "
                                            "Q4_0, Q4_1, Q5_0, Q8_0, "
                                            "Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, BF16",
                                            "tensor 'blk.0.attn_k.weight' has shape 64x64, expected 32x64",
                                            "tensor 'blk.0.ffn_up.weight' is missing",
                                            "tensor 'blk.0.ffn_gate_inp.weight' has no place in this architecture"));
}

/// llama() in two parts, as llama.cpp splits models: all keys and the first tensors, then the layer.
std::pair<GgufWriter, GgufWriter> parts() {
  auto split = [](GgufWriter &writer, uint32_t number) { writer.u32("split.no", number).u32("split.count", 2); };
  GgufWriter first = decoder("llama"), second;
  split(first, 0);
  first.u32("split.tensors.count", 11);
  split(second, 1);
  for (const char *name : {"blk.0.attn_k.weight", "blk.0.attn_v.weight"})
    second.tensor(name, kQ4_0, {32, 64});
  for (const char *name : {"blk.0.ffn_gate.weight", "blk.0.ffn_up.weight"})
    second.tensor(name, kQ4_0, {96, 64});
  second.tensor("blk.0.attn_q.weight", kQ4_0, {64, 64});
  return {first, second};
}

TEST_F(GgufImport, PartsAreOneModel) {
  auto [first, second] = parts();
  std::string path = write("m-00001-of-00002.gguf", first.bytes());
  write("m-00002-of-00002.gguf", second.bytes());
  for (const std::string &named : {path, directory.str().str()}) {
    mlir::OwningOpRef<mlir::ModuleOp> module = importFile(named);
    ASSERT_TRUE(module) << testing::PrintToString(diagnostics);
    std::string text;
    llvm::raw_string_ostream(text) << *module;
    EXPECT_THAT(text, HasSubstr("phiq.files = [\"m-00001-of-00002.gguf\", \"m-00002-of-00002.gguf\"]"));
    EXPECT_THAT(text, HasSubstr("\"blk.0.attn_k.weight\" layout = \"gguf_q4_0\" [#phiq.range<file = 1, "));
    EXPECT_THAT(text, HasSubstr("\"blk.0.ffn_down.weight\" layout = \"gguf_q4_0\" [#phiq.range<file = 0, "));
  }
}

TEST_F(GgufImport, PartsThatDoNotBelongTogetherAreRefused) {
  auto [first, second] = parts();
  std::string path = write("m-00001-of-00002.gguf", first.bytes()),
              other = write("m-00002-of-00002.gguf", first.bytes());
  EXPECT_FALSE(importFile(path));
  EXPECT_THAT(diagnostics, ElementsAre(HasSubstr("says it is part 1 of 2 of a model, expected part 2 of 2")));
  diagnostics.clear();
  write("m-00002-of-00002.gguf", second.bytes());
  EXPECT_FALSE(importFile(other));
  EXPECT_THAT(diagnostics,
              ElementsAre(HasSubstr("says it is part 2 of 2 of a model, expected part 1 of 2: name the first")));
  diagnostics.clear();
  EXPECT_FALSE(importFile(write("alone.gguf", first.bytes())));
  EXPECT_THAT(diagnostics, ElementsAre(HasSubstr("its name must end in '-00001-of-00002.gguf'")));
  diagnostics.clear();
  write("m-00002-of-00002.gguf", second.tensor("output_norm.weight", kF32, {64}).bytes());
  EXPECT_FALSE(importFile(path));
  EXPECT_THAT(diagnostics, ElementsAre(HasSubstr("tensor 'output_norm.weight' is in two parts of the model")));
  diagnostics.clear();
  write("m-00002-of-00002.gguf", second.bytes());
  EXPECT_FALSE(importFile(write("n-00001-of-00002.gguf", first.bytes())));
  EXPECT_THAT(diagnostics, ElementsAre(HasSubstr("n-00002-of-00002.gguf, which is part 2 of 2 of the model")));
}

TEST_F(GgufImport, RefusesOtherArchitecturesAndImplausibleNumbers) {
  EXPECT_THAT(errorsOf(decoder("gemma")), ElementsAre("the model cannot be imported, for 1 reason",
                                                      "architecture 'gemma' is not supported, only llama, phi3"));
  EXPECT_THAT(errorsOf(GgufWriter()), testing::Contains("metadata key 'general.architecture' is missing"));
  EXPECT_THAT(
      errorsOf(llama().f32("general.sampling.penalty_repeat", 0)),
      testing::Contains("metadata key 'general.sampling.penalty_repeat': repetition_penalty is 0, expected 1e-06 to "
                        "1e+06"));
  EXPECT_THAT(errorsOf(llama().f32("llama.attention.scale", -1)),
              testing::Contains("an attention scale of -1 is not possible, expected 1e-06 to 1e+06"));
  EXPECT_THAT(errorsOf(llama().f32("llama.rope.scaling.factor", std::numeric_limits<float>::quiet_NaN())),
              testing::Contains("a linear rope factor of nan is not possible, expected 1e-06 to 1e+06"));
  EXPECT_THAT(errorsOf(llama().u32("llama.expert_count", 8)),
              testing::Contains("a mixture of 8 experts is not supported"));
  EXPECT_THAT(errorsOf(llama().u32("llama.rope.dimension_count", 33)),
              testing::Contains("33 rotary dimensions are not possible in heads of 32 elements"));
  EXPECT_THAT(errorsOf(llama().string("llama.rope.scaling.type", "yarn")),
              testing::Contains("rope scaling 'yarn' is not supported, only none, linear and longrope"));
  EXPECT_THAT(errorsOf(GgufWriter().string("general.architecture", "llama").u32("llama.block_count", 1000000)),
              testing::Contains("metadata key 'llama.block_count' is 1000000, but the file has 0 tensors"));
  EXPECT_THAT(errorsOf(phi3().floats("rope_factors_short.weight", std::vector<float>(16, 1.0f))),
              testing::Contains(testing::StartsWith("LongRoPE requires")));
  EXPECT_THAT(errorsOf(llama().tensor("rope_freqs.weight", kF32, {16})),
              testing::Contains("tensor 'rope_freqs.weight' holds 0.00, expected positive factors"));
}

TEST_F(GgufImport, UnknownKeysOfTheArchitectureAreWarnedAbout) {
  EXPECT_TRUE(importBytes(llama().f32("llama.logit_scale", 2).bytes()));
  EXPECT_THAT(diagnostics, ElementsAre("metadata key 'llama.logit_scale' is not known and has no effect"));
}

// The handles of every supported file under ../shared lead to readable weights.
TEST_F(GgufImport, SharedModels) {
  std::string models = PHIC_TEST_DIR "/../../shared/models/";
  if (!llvm::sys::fs::exists(models))
    GTEST_SKIP() << "[SKIP] no ../shared";
  for (const char *name :
       {"tiny-llama/gguf/F32/tiny-llama-F32", "tiny-llama/gguf/Q4_1/tiny-llama-Q4_1",
        "tiny-llama/gguf/Q4_K_M/tiny-llama-Q4_K_M", "tiny-phi3/gguf/Q4_0/tiny-phi3-Q4_0",
        "tiny-phi3/gguf/Q5_0/tiny-phi3-Q5_0", "tiny-phi3/gguf/Q8_0/tiny-phi3-Q8_0",
        "tiny-phi35-longrope/gguf/F16/tiny-phi35-longrope-F16", "tiny-phi4mini/gguf/Q4_K_M/tiny-phi4mini-Q4_K_M",
        "tiny-phi4mini/gguf/Q6_K/tiny-phi4mini-Q6_K"}) {
    std::string path = models + name + ".gguf";
    mlir::OwningOpRef<mlir::ModuleOp> module = importFile(path);
    ASSERT_TRUE(module) << name;
    auto store =
        llvm::cantFail(WeightStore::open(llvm::sys::path::parent_path(path), {llvm::sys::path::filename(path).str()}));
    module->walk([&](phiq::WeightOp weight) {
      auto reader = llvm::cantFail(WeightReader::create(weight, *store));
      std::vector<float> row(reader->columns());
      reader->dequantizeRows(reader->rows() - 1, 1, row.data());
      EXPECT_TRUE(llvm::all_of(row, [](float value) { return std::isfinite(value); })) << weight.getName().str();
    });
  }
  EXPECT_THAT(diagnostics, ElementsAre());
}

/// Names that nobody asked for, by the hundred thousand: each is said once, in time of their number.
TEST_F(GgufImport, ManyUnusedTensors) {
  constexpr int kCount = 100000;
  GgufWriter writer = llama();
  for (int i = 0; i < kCount; ++i)
    writer.tensor("unused" + std::to_string(i), kF32, {1});
  EXPECT_FALSE(importBytes(writer.bytes()));
  EXPECT_EQ(diagnostics.size(), size_t(kCount) + 1);
}

} // namespace
