//===- DecoderBuilderTest.cpp - Decoders of no container -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A container made up here: its names, its two files and its architecture are nobody's.
//===----------------------------------------------------------------------===//
#include "compiler/import/decoder/DecoderBuilder.h"
#include "compiler/import/decoder/TensorWeights.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using namespace phic::decoder;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace {

constexpr TensorName kNames[] = {
    {Role::Embedding, "words"},
    {Role::AttentionNorm, "L{}/before"},
    {Role::Query, "L{}/q"},
    {Role::Key, "L{}/k"},
    {Role::Value, "L{}/v"},
    {Role::QueryKeyValue, "L{}/qkv"},
    {Role::AttentionOutput, "L{}/mix"},
    {Role::FeedForwardNorm, "L{}/then"},
    {Role::Gate, "L{}/gate"},
    {Role::Up, "L{}/up"},
    {Role::Down, "L{}/down"},
    {Role::OutputNorm, "last"},
    {Role::Head, "head"},
};
constexpr TensorNames kSpelling{"L{}/", kNames};

/// One layer, hidden 8, 2 query heads of 4 on 1 key-value head; norms with means, as no row of Architectures.def has them.
DecoderConfig config() {
  DecoderConfig config;
  config.architecture = {"mine", Norm::Layer, Gate::GeluTanh, Qkv};
  config.name = "Mine";
  config.hidden = config.ffn = 8;
  config.layers = 1;
  config.heads = 2;
  config.kvHeads = 1;
  config.headDim = config.rope.dim = 4;
  config.context = 64;
  config.epsilon = 0.5;
  config.attentionScale = 0.25;
  config.stopIds = {2, 500};
  return config;
}

class Decoder : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-decoder", directory)); }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  /// At the end of one of the files.
  void add(const std::string &name, llvm::SmallVector<int64_t, 4> shape, uint32_t file) {
    uint64_t bytes = 4 * uint64_t(llvm::product_of(shape));
    tensors.push_back({name, shape, file, sizes[file], bytes, "F32", StoredType::floats(Scalar::F32)});
    sizes[file] += bytes;
  }
  void addNorm(const std::string &name, uint32_t file) {
    add(name + ".weight", {8}, file);
    add(name + ".bias", {8}, file);
  }
  void addAll() {
    add("words.weight", {10, 8}, 0);
    addNorm("L0/before", 0);
    add("L0/qkv.weight", {16, 8}, 0);
    add("L0/qkv.bias", {16}, 0);
    add("L0/mix.weight", {8, 8}, 1);
    addNorm("L0/then", 1);
    for (const char *name : {"L0/gate.weight", "L0/up.weight", "L0/down.weight"})
      add(name, {8, 8}, 1);
    addNorm("last", 1);
  }

  /// The module as text, empty if it is refused.
  std::string build(const DecoderConfig &config) {
    std::vector<std::string> files = {"a.bin", "b.bin"};
    for (auto [file, size] : llvm::zip_equal(files, sizes)) {
      std::error_code error;
      llvm::raw_fd_ostream((directory + "/" + file).str(), error) << std::string(size, '\0');
      EXPECT_FALSE(error);
    }
    auto store = llvm::cantFail(WeightStore::open(directory, files));
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      said.push_back(diagnostic.str());
      for (mlir::Diagnostic &note : diagnostic.getNotes())
        said.push_back(note.str());
      return mlir::success();
    });
    TensorWeights weights({tensors, kSpelling, "F32"}, *store, {});
    auto module = buildDecoder(mlir::UnknownLoc::get(&context), config, weights, files, /*maxContext=*/32);
    std::string text;
    if (module)
      llvm::raw_string_ostream(text) << *module;
    return text;
  }

  mlir::MLIRContext context;
  llvm::SmallString<128> directory;
  std::vector<StoredTensor> tensors;
  std::array<uint64_t, 2> sizes = {0, 0};
  std::vector<std::string> said;
};

TEST_F(Decoder, ArchitecturesAreRowsAndWeightsLieInAnyNumberOfFiles) {
  addAll();
  std::string text = build(config());
  EXPECT_THAT(said, ElementsAre());
  EXPECT_THAT(text, HasSubstr("phiq.files = [\"a.bin\", \"b.bin\"]"));
  EXPECT_THAT(text, AllOf(HasSubstr("name = \"Mine\", vocab = 10, context_max = 32"),
                          HasSubstr("stop_ids = [2]"))); // 500 is no token of it
  EXPECT_THAT(text, AllOf(HasSubstr("phiq.layer_norm"), Not(HasSubstr("phiq.rms_norm"))));
  EXPECT_THAT(text, AllOf(HasSubstr("phiq.gelu_tanh"), Not(HasSubstr("phiq.silu"))));
  EXPECT_THAT(text, AllOf(HasSubstr("phiq.columns"), HasSubstr("phiq.bias")));
  EXPECT_THAT(text, HasSubstr("\"L0/qkv.weight\" layout = \"dense_nk\" [#phiq.range<file = 0, offset = 384"));
  EXPECT_THAT(text, HasSubstr("\"L0/mix.weight\" layout = \"dense_nk\" [#phiq.range<file = 1, offset = 0"));
}

TEST_F(Decoder, StopIdsAreNoMoreThanTokens) {
  addAll();
  DecoderConfig repeated = config();
  repeated.stopIds.clear();
  for (int i = 0; i < 1 << 20; ++i)
    repeated.stopIds.push_back(i % 2 ? 7 : 2);
  EXPECT_THAT(build(repeated), HasSubstr("stop_ids = [2, 7]"));
}

TEST_F(Decoder, FusedWeightsAreForTheArchitecturesThatHaveThem) {
  addAll();
  DecoderConfig split = config();
  split.architecture.fused = 0;
  EXPECT_EQ(build(split), "");
  EXPECT_THAT(said, AllOf(Contains("tensor 'L0/q.weight' is missing"),
                          Contains("tensor 'L0/qkv.weight' has no place in this architecture")));
}

TEST_F(Decoder, EverythingWrongIsToldAtOnce) {
  addAll();
  tensors[3].shape = {15, 8};
  tensors[5].type.reset();
  tensors[5].typeName = "F8";
  tensors.back().name = "lost.bias";
  EXPECT_EQ(build(config()), "");
  EXPECT_THAT(said,
              ElementsAre("the model cannot be imported, for 4 reasons",
                          "tensor 'L0/qkv.weight' has shape 15x8, expected 16x8",
                          "tensor 'L0/mix.weight' has type F8, supported are F32", "tensor 'last.bias' is missing",
                          "tensor 'lost.bias' has no place in this architecture"));
}

TEST_F(Decoder, WeightsOutsideTheirFileAreRefused) {
  addAll();
  sizes[1] -= 8;
  EXPECT_EQ(build(config()), "");
  EXPECT_THAT(said, Contains(HasSubstr("tensor 'last.bias': ")));
}

TEST(TensorNames, FillInTheLayer) {
  EXPECT_EQ(kSpelling.layerPrefix(12), "L12/");
  EXPECT_EQ(kSpelling.tensor({Role::Query, 3}), "L3/q.weight");
  EXPECT_EQ(kSpelling.tensor({Role::Head, 0, Part::Bias}), "head.bias");
  EXPECT_EQ(kSpelling.name(Role::GateUp, 0), "");
}

} // namespace
