//===- ReaderTest.cpp - Where ONNX tensors lie -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/Reader.h"
#include "compiler/import/onnx/Externalize.h"
#include "compiler/import/onnx/GenaiConfig.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace phic::onnx;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::string models() { return std::string(PHIC_TEST_DIR) + "/compiler/import/onnx/models"; }

const Tensor &initializer(const Model &model, llvm::StringRef name) {
  for (const Tensor &tensor : model.graph().initializers)
    if (tensor.name == name)
      return tensor;
  llvm::report_fatal_error("no such initializer");
}

/// make_models.py fills tensors with (i % 17 - 8) / 16.
void expectPattern(const Model &model, const Tensor &tensor) {
  ASSERT_TRUE(tensor.bytes);
  llvm::ArrayRef<uint8_t> bytes = model.bytes(*tensor.bytes);
  ASSERT_EQ(int64_t(bytes.size()), 4 * tensor.elements());
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    float value;
    std::memcpy(&value, bytes.data() + 4 * i, 4);
    ASSERT_EQ(value, float(i % 17 - 8) / 16) << i;
  }
}

TEST(OnnxReader, EmbeddedTensorsAreRangesOfTheFile) {
  Model model = llvm::cantFail(Model::read(models(), "good.onnx"));
  EXPECT_THAT(model.files(), ElementsAre("good.onnx"));
  expectPattern(model, initializer(model, "embed"));
  EXPECT_THAT(*model.integers(initializer(model, "one")), ElementsAre(1));
  // Packed float_data.
  const Tensor &gamma = initializer(model, "gamma");
  ASSERT_TRUE(gamma.bytes);
  float value;
  std::memcpy(&value, model.bytes(*gamma.bytes).data() + 4 * 31, 4);
  EXPECT_EQ(value, 1.0f);
}

/// elements.onnx has each type twice: as a list of numbers, and as raw data.
TEST(OnnxReader, ElementsAreNumbersWhereverTheyLie) {
  Model model = llvm::cantFail(Model::read(models(), "elements.onnx"));
  unsigned floats = 0, tensors = 0;
  for (const Tensor &tensor : model.graph().initializers) {
    if (tensor.dims != std::vector<int64_t>{2})
      continue;
    const llvm::StringRef name = tensor.name;
    const int64_t first = name.starts_with("bool") ? 1
                          : name.starts_with("u")  ? 5
                                                   : -3,
                  second = name.starts_with("bool") ? 0 : 2;
    EXPECT_EQ(tensor.bytes.has_value(), name.ends_with("_raw") || name == "float_list") << tensor.name;
    EXPECT_THAT(*model.numbers(tensor), ElementsAre(double(first), double(second))) << tensor.name;
    const bool isFloat = name.contains("float") || name.contains("double");
    if (isFloat)
      EXPECT_FALSE(model.integers(tensor)) << tensor.name;
    else
      EXPECT_THAT(*model.integers(tensor), ElementsAre(first, second)) << tensor.name;
    floats += isFloat;
    ++tensors;
  }
  EXPECT_EQ(tensors, 30u);
  EXPECT_EQ(floats, 8u);
  EXPECT_THAT(*model.integers(initializer(model, "largest")), ElementsAre(INT64_MAX));
  EXPECT_THAT(*model.integers(initializer(model, "none")), testing::IsEmpty());
}

TEST(OnnxReader, CountsNumbers) {
  auto refusal = [](llvm::StringRef name) { return llvm::toString(Model::read(models(), name).takeError()); };
  EXPECT_EQ(refusal("bad_count.onnx"), "initializer 'one' has 2 numbers, its shape asks for 1");
  EXPECT_EQ(refusal("bad_number.onnx"), "initializer 'one' has a number that is no uint8");
}

TEST(OnnxReader, BranchesAreReadToo) {
  Model model = llvm::cantFail(Model::read(models(), "longrope.onnx"));
  for (const Node &node : model.graph().nodes)
    if (node.op == "If") {
      const Graph &branch = *node.attribute("then_branch")->graph;
      ASSERT_EQ(branch.nodes.size(), 2u);
      EXPECT_EQ(branch.nodes[0].attribute("value")->tensor->name, "cos_large");
      expectPattern(model, *branch.nodes[0].attribute("value")->tensor);
      return;
    }
  FAIL() << "no If";
}

std::string refusal(llvm::StringRef bytes, size_t maxBytes = 1 << 20) {
  auto result = externalize(llvm::arrayRefFromStringRef(bytes), maxBytes);
  return result ? "" : llvm::toString(result.takeError());
}

TEST(Externalize, RefusesDamage) {
  EXPECT_EQ(refusal(""), "");
  EXPECT_THAT(refusal("\x3a\x05\x01"), HasSubstr("truncated or damaged"));          // graph longer than the file
  EXPECT_THAT(refusal("\x3b"), HasSubstr("truncated or damaged"));                  // a group
  EXPECT_THAT(refusal(std::string(11, '\xff')), HasSubstr("truncated or damaged")); // an endless varint
  EXPECT_THAT(refusal("\x3a\x07\x2a\x05\x4a\x01"
                      "a"
                      "\x4a\x00"),
              HasSubstr("truncated or damaged"));
  EXPECT_THAT(refusal(llvm::StringRef("\x3a\x07\x2a\x05\x4a\x01"
                                      "a"
                                      "\x4a\x00",
                                      9)),
              HasSubstr("in several pieces"));
  EXPECT_THAT(refusal("\x12\x04"
                      "abcd",
                      3),
              HasSubstr("too large"));
}

TEST(Externalize, RefusesDeepNesting) {
  // graph -> node -> attribute -> graph -> ... each length-delimited around the last.
  std::string message;
  for (int i = 0; i < 200; ++i)
    for (char key : {'\x32', '\x2a', '\x0a'}) { // attribute.g, node.attribute, graph.node
      std::string length;
      for (size_t size = message.size(); length.empty() || size; size >>= 7)
        length += char((size & 127) | (size >> 7 ? 128 : 0));
      message = key + length + message;
    }
  std::string length;
  for (size_t size = message.size(); size; size >>= 7)
    length += char((size & 127) | (size >> 7 ? 128 : 0));
  EXPECT_THAT(refusal("\x3a" + length + message), HasSubstr("nested too deeply"));
}

TEST(GenaiConfig, StopTokensAndSampling) {
  auto parse = [](const char *json) { return llvm::cantFail(parseGenaiConfig(json, "config")); };
  GenaiConfig greedy = parse(R"({"model": {"eos_token_id": 7, "context_length": 512, "type": "phi3"},
                                 "search": {"do_sample": false, "temperature": 0.7, "top_k": 50}})");
  EXPECT_THAT(greedy.stopIds, ElementsAre(7));
  EXPECT_EQ(greedy.sampling.temperature, 0);
  EXPECT_EQ(greedy.contextLength, 512);
  GenaiConfig sampled = parse(R"({"model": {"eos_token_id": [7, 9, 7], "decoder": {"filename": "m.onnx",
                                  "inputs": {"input_ids": "ids"}, "outputs": {"logits": "l"}}},
                                  "search": {"do_sample": true, "temperature": 0.5, "top_p": 0.9}})");
  EXPECT_THAT(sampled.stopIds, ElementsAre(7, 9));
  EXPECT_EQ(sampled.sampling.temperature, 0.5f);
  EXPECT_EQ(sampled.sampling.topP, 0.9f);
  EXPECT_EQ(sampled.inputIds, "ids");
  EXPECT_EQ(sampled.fileName, "m.onnx");
  EXPECT_TRUE(parse("{}").stopIds.empty());
}

TEST(GenaiConfig, NamesWhatIsWrong) {
  auto refusal = [](const char *json) { return llvm::toString(parseGenaiConfig(json, "config").takeError()); };
  EXPECT_EQ(refusal("[1]"), "config: is not a JSON object");
  EXPECT_EQ(refusal("{"), "config: not valid JSON at byte 2");
  EXPECT_EQ(refusal(R"({"model": 3})"), "config: 'model' must be an object");
  EXPECT_EQ(refusal(R"({"model": {"eos_token_id": -1}})"),
            "config: 'eos_token_id' must be an integer from 0 to 2147483647");
  EXPECT_EQ(refusal(R"({"model": {"eos_token_id": 18446744073709551615}})"),
            "config: 'eos_token_id' must be an integer from 0 to 2147483647");
  EXPECT_EQ(refusal(R"({"model": {"context_length": "long"}})"), "config: 'context_length' must be an integer");
  EXPECT_EQ(refusal(R"({"search": {"top_p": 3}})"), "config: top_p is 3, expected 0 to 1");
  EXPECT_EQ(refusal(R"({"search": {"repetition_penalty": 0}})"),
            "config: repetition_penalty is 0, expected 1e-06 to 1e+06");
}

} // namespace
