//===- OnnxImportTest.cpp - Models import, or say why not ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The small models are made by make_models.py beside this file; each bad one breaks one
// thing in the good one.
//===----------------------------------------------------------------------===//
#include "../ImportModel.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstdlib>
#include <fstream>

using namespace mlir;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

namespace {

/// What came of an import: the module, and everything said about it.
struct Outcome {
  std::unique_ptr<MLIRContext> context = std::make_unique<MLIRContext>();
  OwningOpRef<ModuleOp> module;
  std::string text, said;
};

Outcome import(const std::string &path, int64_t maxContext = 4096) {
  Outcome outcome;
  llvm::raw_string_ostream said(outcome.said);
  ScopedDiagnosticHandler handler(outcome.context.get(), [&](Diagnostic &diagnostic) {
    said << diagnostic << '\n';
    for (Diagnostic &note : diagnostic.getNotes())
      said << note.getLocation() << ": " << note << '\n';
  });
  outcome.module = phic::importModel(*outcome.context, path, {maxContext});
  if (outcome.module) {
    llvm::raw_string_ostream text(outcome.text);
    outcome.module->print(text);
  }
  return outcome;
}

std::string local(const std::string &name) {
  return std::string(PHIC_TEST_DIR) + "/compiler/import/onnx/models/" + name;
}
std::string shared(const std::string &form) { return std::string(PHIC_TEST_DIR) + "/../../shared/models/" + form; }

size_t count(const std::string &text, const std::string &part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

//===----------------------------------------------------------------------===//
// Small models
//===----------------------------------------------------------------------===//

TEST(OnnxImport, Decoder) {
  Outcome out = import(local("good.onnx"));
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_THAT(out.text, HasSubstr("phiq.cache @kv0 {element = f32, head_dim = 16 : i64, heads = 1 : i64}"));
  EXPECT_THAT(
      out.text,
      HasSubstr("func.func @model(%arg0: tensor<?xi32> {plan.binding = #plan.binding<input, \"input_ids\">}) -> "
                "(tensor<?x16xf32> {plan.binding = #plan.binding<result, \"logits\">})"));
  EXPECT_THAT(out.text, HasSubstr("!phiq.block<u4, 32, scale = f32, zero = 8>"));
  EXPECT_THAT(out.text, HasSubstr("phiq.files = [\"good.onnx\"]"));
  EXPECT_THAT(out.text, ContainsRegex("phiq.attend @kv0, .* \\{heads = 2 : i64, scale = 2.500000e-01 : f32\\}"));
  // Without genai_config.json: greedy, as many positions as the tables have.
  EXPECT_THAT(out.text, HasSubstr("context_max = 64"));
  EXPECT_THAT(out.text, HasSubstr("temperature = 0.000000e+00 : f32"));
  EXPECT_THAT(out.said, HasSubstr("no genai_config.json"));
}

TEST(OnnxImport, NamesAreLocations) {
  Outcome out = import(local("good.onnx"));
  ASSERT_TRUE(out.module);
  std::string locations;
  out.module->walk([&](phic::phiq::MatmulOp op) { llvm::raw_string_ostream(locations) << op.getLoc(); });
  EXPECT_THAT(locations, HasSubstr("\"/layers.0/qkv/MatMul\""));
}

TEST(OnnxImport, TablesEndWithTheContext) {
  Outcome out = import(local("good.onnx"), 40);
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_THAT(out.text, HasSubstr("context_max = 40"));
  EXPECT_THAT(out.text, HasSubstr("tensor<40x8xf32>"));
  EXPECT_THAT(out.text, Not(HasSubstr("tensor<64x8xf32>")));
}

TEST(OnnxImport, EveryReasonIsReported) {
  Outcome out = import(local("bad_many.onnx"));
  ASSERT_FALSE(out.module);
  EXPECT_THAT(out.said, HasSubstr("the model cannot be imported, for 4 reasons"));
  EXPECT_THAT(out.said, HasSubstr("loc(\"/first\"): op 'Softplus': the op is not supported"));
  EXPECT_THAT(out.said, HasSubstr("loc(\"/second\"): op 'Fancy': the op, of domain 'my.ops', is not supported"));
  EXPECT_THAT(
      out.said,
      HasSubstr("loc(\"/layers.0/qkv/MatMul\"): op 'MatMulNBits': attribute 'bits' must be 2, 4 or 8, found 5"));
  EXPECT_THAT(out.said, HasSubstr("op 'SimplifiedLayerNormalization': attribute 'shiny' is not known"));
}

TEST(OnnxImport, ConstantsAreDenseNumbers) {
  const Outcome out = import(local("bad_constants.onnx"));
  for (const char *reason :
       {"for 4 reasons", "\"text\"): op 'Constant': attribute 'value_string' is text; only numbers are supported",
        "\"texts\"): op 'Constant': attribute 'value_strings' is text; only numbers are supported",
        "\"sparse\"): op 'Constant': attribute 'sparse_value' is a sparse tensor; only dense ones are supported",
        "\"nothing\"): op 'Constant': it has no value"})
    EXPECT_THAT(out.said, HasSubstr(reason));
}

struct Bad {
  const char *file, *reason;
};
class OnnxRefusal : public testing::TestWithParam<Bad> {};
TEST_P(OnnxRefusal, SaysWhy) {
  Outcome out = import(local(GetParam().file));
  EXPECT_FALSE(out.module);
  EXPECT_THAT(out.said, HasSubstr(GetParam().reason));
}
INSTANTIATE_TEST_SUITE_P(
    , OnnxRefusal,
    testing::Values(
        Bad{"bad_folder.onnx", ": it is a folder; it holds initializer 'embed'"},
        Bad{"bad_window.onnx", "attribute 'local_window_size' must be positive or -1, found 0"},
        Bad{"bad_missing_file.onnx", "nowhere.data: No such file or directory; it holds initializer 'embed'"},
        Bad{"bad_escape.onnx", "initializer 'embed' is in '../secret.data', which is outside the model's folder"},
        Bad{"bad_absolute.onnx", "initializer 'embed' is in '/etc/passwd', which is outside the model's folder"},
        Bad{"bad_range.onnx", "which has 100 (truncated?)"},
        Bad{"bad_length.onnx", "initializer 'embed' lies at bytes 0 to 0 + 2048 of 'hundred.data', which has 100"},
        Bad{"bad_shape.onnx", "initializer 'embed' has an invalid shape"},
        Bad{"bad_embeds.onnx", "with a fixed last axis"},
        Bad{"bad_opset.onnx", "operator set 99 is not supported, only 13 to 25"},
        Bad{"bad_unsorted.onnx",
            "it reads 'normed', which '/layers.0/norm' makes, a later node: the graph has a cycle or is not in order"},
        Bad{"bad_g_idx.onnx", "input 4 ('order'), g_idx, is not supported"},
        Bad{"bad_prepacked.onnx", "attribute 'weight_prepacked' must be 0, found 1"},
        Bad{"bad_head_sink.onnx", "input 11 ('sink'), head_sink, is not supported"},
        Bad{"bad_smooth.onnx", "attribute 'smooth_softmax' is not supported"},
        Bad{"bad_seqlens.onnx", "(seqlens_k) must be past + seq - 1, found [past + seq]"},
        Bad{"bad_present.onnx",
            "graph output 'present.1.key' continues 'past_key_values.0.key', which is another layer's"},
        Bad{"bad_columns.onnx", "activations have 32 columns, the weight K = 64"},
        Bad{"bad_zeros.onnx", "input 2 ('normed_q_zero') must be one zero point, the same for all columns"},
        Bad{"bad_axis.onnx",
            "attribute 'axis' must be -1 or 2 where activations have a scale for each column, found 1"},
        Bad{"bad_scales.onnx",
            "must be one scale for the whole of the activations, or one for each of 32 columns, found 31"},
        Bad{"bad_codes.onnx", "must be uint8 with 1024 elements, found uint8 with 1008"}),
    [](const auto &info) { return llvm::sys::path::stem(info.param.file).str(); });

TEST(OnnxImport, TruncatedFilesAreRefused) {
  std::ifstream in(local("good.onnx"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  ASSERT_GT(bytes.size(), 1000u);
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("onnx-import", folder));
  std::string path = (folder + "/cut.onnx").str();
  for (size_t size : {size_t(0), size_t(1), size_t(50), bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes.substr(0, size);
    Outcome out = import(path);
    EXPECT_FALSE(out.module) << size;
    EXPECT_FALSE(out.said.empty()) << size;
  }
  llvm::sys::fs::remove_directories(folder);
}

TEST(OnnxImport, LongRope) {
  Outcome out = import(local("longrope.onnx"));
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_THAT(out.text, ContainsRegex("phiq.rope .* long .* \\{head_dim = 16 : i64, threshold = 32 : i64\\}"));
  EXPECT_THAT(out.text, HasSubstr("rope_switch = 32"));
  EXPECT_THAT(out.text, HasSubstr("phiq.weight \"cos_small\" layout = \"dense_nk\""));
  EXPECT_THAT(out.text, HasSubstr("context_max = 64"));
}

TEST(OnnxImport, RotaryEmbeddingWithShiftedPositions) {
  Outcome out = import(local("rotary.onnx"));
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_THAT(out.text, ContainsRegex("phiq.rope .* long .* \\{head_dim = 16 : i64, threshold = 24 : i64\\}"));
  EXPECT_THAT(out.text, ContainsRegex("phiq.weight \"cos\" .*tensor<24x8xf32>"));
  EXPECT_THAT(out.text, ContainsRegex("phiq.weight \"cos\" .*tensor<40x8xf32>"));
  EXPECT_THAT(out.text, HasSubstr("context_max = 40"));
}

TEST(OnnxImport, LayerNormsBiasesAndActivations) {
  Outcome out = import(local("layernorm.onnx"));
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_EQ(count(out.text, "phiq.layer_norm"), 2u);
  EXPECT_EQ(count(out.text, "phiq.bias"), 4u);
  for (const char *op : {"phiq.gelu ", "phiq.gelu_tanh", "phiq.sigmoid", "arith.mulf", "phiq.columns"})
    EXPECT_THAT(out.text, HasSubstr(op));
}

TEST(OnnxImport, Relu) {
  Outcome out = import(local("relu.onnx"));
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_EQ(count(out.text, "phiq.relu"), 1u);
}

TEST(OnnxImport, QuantizedGraph) {
  Outcome out = import(local("qdq.onnx"));
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_THAT(out.text, HasSubstr("\"qdq_kn\""));
  EXPECT_THAT(out.text, HasSubstr("\"qdq_nk\""));
  EXPECT_THAT(out.text, HasSubstr("!phiq.block<s4, 16, scale = f32>"));       // blocked, axis 0
  EXPECT_THAT(out.text, HasSubstr("!phiq.block<u8, 32, scale = f32, zero = u8>")); // per channel, axis 1
  EXPECT_THAT(out.text, HasSubstr("!phiq.block<s8, 16, scale = f32>"));       // per tensor
  EXPECT_THAT(out.text, ContainsRegex("phiq.quantize .* \\{zero = 128 : i64\\}"));
}

//===----------------------------------------------------------------------===//
// Models of the model builder
//===----------------------------------------------------------------------===//

TEST(OnnxImport, CommittedTinyLlama) {
  Outcome out = import(std::string(PHIC_TEST_DIR) + "/models/tiny-llama/ort-genai-int4");
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_THAT(out.text, HasSubstr("name = \"llama\""));
  EXPECT_THAT(out.text, HasSubstr("vocab = 640"));
  EXPECT_THAT(out.text, HasSubstr("context_max = 512"));
  EXPECT_THAT(out.text, HasSubstr("stop_ids = [2]"));
  EXPECT_EQ(count(out.text, "phiq.cache @"), 2u);
  // The embedding reads the head's codes: one weight, used twice.
  EXPECT_EQ(count(out.text, "phiq.weight \"lm_head.MatMul.weight_Q4\""), 1u);
  EXPECT_EQ(count(out.text, "phiq.logit_rows"), 1u);
  EXPECT_EQ(out.said, "");
}

class SharedModel : public testing::TestWithParam<const char *> {};
TEST_P(SharedModel, Imports) {
  std::string path = shared(GetParam());
  if (!llvm::sys::fs::exists(path)) {
    std::printf("[SKIP] no %s\n", path.c_str());
    GTEST_SKIP();
  }
  Outcome out = import(path);
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_TRUE(succeeded(verify(*out.module)));
  EXPECT_EQ(count(out.text, "phiq.transpose"), 0u);
  if (const char *folder = std::getenv("PHIC_DUMP")) {
    std::string name = GetParam();
    std::replace(name.begin(), name.end(), '/', '_');
    std::ofstream(std::string(folder) + "/" + name + ".mlir") << out.text << out.said;
  }
  // It prints and parses.
  OwningOpRef<ModuleOp> again = parseSourceString<ModuleOp>(out.text, ParserConfig(out.context.get()));
  EXPECT_TRUE(again);
}
INSTANTIATE_TEST_SUITE_P(, SharedModel,
                         testing::Values("tiny-llama/ort-genai/fp32-cpu", "tiny-llama/ort-genai/int4-cpu",
                                         "tiny-llama/ort-genai/int4-cpu-prunehead", "tiny-phi2/ort-genai/int4-cpu",
                                         "tiny-phi3/ort-genai/int4-cpu", "tiny-phi3/ort-genai/int4-cpu-asym-bs128",
                                         "tiny-phi3/ort-genai/int4-cpu-qdq", "tiny-phi35-longrope/ort-genai/fp16-cuda",
                                         "tiny-phi35-longrope/ort-genai/int4-cpu",
                                         "tiny-phi35-longrope/ort-genai/int4-cpu-kquantmixed",
                                         "tiny-phi35-longrope/ort-genai/int4-dml", "tiny-phi4mini/ort-genai/int4-cpu",
                                         "tiny-phi4mini/ort-genai/int4-cuda", "smollm2-135m/ort-genai/int4-cpu"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !std::isalnum((unsigned char)c); }, '_');
                           return name;
                         });

TEST(OnnxImport, EmbeddingsAreAnInput) {
  Outcome out = import(local("embeds.onnx"));
  ASSERT_TRUE(out.module) << out.said;
  EXPECT_THAT(out.text, ContainsRegex("@model\\(%arg0: tensor<\\?x[0-9]+xf32> "
                                      "\\{plan.binding = #plan.binding<input, \"inputs_embeds\">\\}\\)"));
  EXPECT_THAT(out.text, Not(HasSubstr("phiq.embed")));
}

} // namespace
