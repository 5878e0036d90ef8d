//===- DerivedWeightsTest.cpp - Made once, found, judged, gone -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/DerivedWeights.h"
#include "compiler/weights/WeightReader.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Support/xxhash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <random>

using namespace phic;
using namespace llvm;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

constexpr int64_t kRows = 150, kColumns = 96; // more than two runs of rows

/// A folder with a float matrix in w.bin, and modules that read it.
class DerivedWeightsTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(sys::fs::createUniqueDirectory("phic-derived", folder));
    ASSERT_FALSE(sys::fs::create_directory(folder + "/kept"));
    ASSERT_FALSE(sys::fs::create_directory(folder + "/scratch"));
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 1);
    for (float &value : numbers)
      value = normal(random);
    writeModel();
    context.loadDialect<phiq::PhiqDialect>();
  }
  void TearDown() override { sys::fs::remove_directories(folder); }

  StringRef modelBytes() const { return {reinterpret_cast<const char *>(numbers.data()), numbers.size() * 4}; }
  void writeModel() {
    std::error_code error;
    raw_fd_ostream((folder + "/w.bin").str(), error) << modelBytes();
    ASSERT_FALSE(error);
  }

  mlir::OwningOpRef<mlir::ModuleOp> parse(StringRef type) {
    std::string text = formatv(
        R"(module attributes {{phiq.files = ["w.bin"]} {{
             %0 = phiq.weight "w" layout = "dense_nk" [#phiq.range<file = 0, offset = 0, length = {0}, hash = {1}>]
                 {{conversion = #phiq.conversion<from = f32, method = "rtn">} : tensor<{2}x{3}x{4}>
           })",
        modelBytes().size(), xxh3_64bits(modelBytes()), kRows, kColumns, type);
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  }
  static phiq::WeightOp weightOf(mlir::ModuleOp module) { return *module.getOps<phiq::WeightOp>().begin(); }

  std::unique_ptr<WeightStore> openStore(mlir::ModuleOp module) {
    std::vector<std::string> files;
    for (auto file : module->getAttrOfType<mlir::ArrayAttr>(phiq::PhiqDialect::kFiles).getAsRange<mlir::StringAttr>())
      files.push_back(file.str());
    return cantFail(WeightStore::open(folder, files));
  }
  DerivedWeights in(WeightStore &store, bool isKept) {
    return {store, {isKept ? (folder + "/kept").str() : "", (folder + "/scratch").str()}, [this](const Twine &message) {
              warnings.push_back(message.str());
            }};
  }
  static std::vector<float> values(mlir::ModuleOp module, WeightStore &store) {
    std::vector<float> all(kRows * kColumns);
    cantFail(WeightReader::create(weightOf(module), store))->dequantizeRows(0, kRows, all.data());
    return all;
  }
  std::vector<std::string> filesIn(StringRef name) {
    std::vector<std::string> found;
    std::error_code error;
    for (sys::fs::directory_iterator it(folder + "/" + name, error), end; it != end && !error; it.increment(error))
      found.push_back(it->path());
    return found;
  }

  SmallString<128> folder;
  std::vector<float> numbers = std::vector<float>(kRows * kColumns);
  std::vector<std::string> warnings;
  mlir::MLIRContext context;
};

TEST_F(DerivedWeightsTest, ReadsAsTheConversionDoes) {
  for (const char *type : {"!phiq.block<u4, 32, scale = f16, zero = 8>", "!phiq.block<s8, 96, scale = f16>",
                           "!phiq.block<u4, 32, scale = f16, zero = u4>", "f16", "bf16"}) {
    auto module = parse(type);
    auto store = openStore(*module);
    const std::vector<float> expected = values(*module, *store);
    cantFail(in(*store, /*isKept=*/false).derive(*module));
    phiq::WeightOp op = weightOf(*module);
    EXPECT_FALSE(op.getConversion());
    ASSERT_TRUE(op.getDerived());
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
    EXPECT_TRUE(op->hasAttr(phiq::PhiqDialect::kError));
    EXPECT_EQ(values(*module, *store), expected) << type;
    EXPECT_THAT(filesIn("scratch"), ElementsAre()) << "it has no name, so that no end of the process leaves it";
  }
}

TEST_F(DerivedWeightsTest, BytesDoNotDependOnTheNumberOfThreads) {
  std::vector<std::string> texts;
  const ThreadPoolStrategy before = parallel::strategy;
  for (unsigned threads : {1u, 4u}) {
    parallel::strategy = hardware_concurrency(threads);
    auto module = parse("!phiq.block<u4, 32, scale = f16, zero = 8>");
    auto store = openStore(*module);
    cantFail(in(*store, /*isKept=*/false).derive(*module));
    raw_string_ostream(texts.emplace_back()) << *module; // with the hash of the bytes and the errors
  }
  parallel::strategy = before;
  EXPECT_EQ(texts[0], texts[1]);
}

TEST_F(DerivedWeightsTest, OtherStatisticsAreAnotherFile) {
  for (float meanSquare : {0.0f, 1.0f, 2.0f}) {
    auto module = parse("!phiq.block<u4, 32, scale = f16, zero = 8>");
    auto store = openStore(*module);
    if (meanSquare > 0)
      store->setMeanSquares(weightOf(*module).getName(), std::vector<float>(kColumns, meanSquare));
    EXPECT_EQ(cantFail(weightSpecOf(weightOf(*module), *store)).conversion->statistics.meanSquares,
              store->meanSquares(weightOf(*module).getName()));
    cantFail(in(*store, /*isKept=*/true).derive(*module));
  }
  EXPECT_EQ(filesIn("kept").size(), 3u);
}

TEST_F(DerivedWeightsTest, AKeptFileIsFound) {
  std::string first, second;
  for (std::string *text : {&first, &second}) {
    auto module = parse("!phiq.block<u4, 32, scale = f16, zero = 8>");
    auto store = openStore(*module);
    DerivedWeights derived = in(*store, /*isKept=*/true);
    cantFail(derived.derive(*module));
    EXPECT_EQ(derived.made(), text == &first ? 1u : 0u);
    raw_string_ostream(*text) << *module;
  }
  EXPECT_EQ(first, second);
  EXPECT_EQ(filesIn("kept").size(), 1u);
  EXPECT_THAT(warnings, ElementsAre());
}

TEST_F(DerivedWeightsTest, OtherBytesAndOtherFormatsAreOtherFiles) {
  auto derive = [&](StringRef type) {
    auto module = parse(type);
    auto store = openStore(*module);
    DerivedWeights derived = in(*store, /*isKept=*/true);
    cantFail(derived.derive(*module));
    EXPECT_EQ(derived.made(), 1u);
  };
  derive("!phiq.block<u4, 32, scale = f16, zero = 8>");
  derive("!phiq.block<u4, 16, scale = f16, zero = 8>");
  numbers[5] += 1;
  writeModel();
  derive("!phiq.block<u4, 32, scale = f16, zero = 8>");
  EXPECT_EQ(filesIn("kept").size(), 3u);
}

TEST_F(DerivedWeightsTest, ADamagedFileIsRefusedAndMadeAnew) {
  auto module = parse("f16");
  std::unique_ptr<WeightStore> store = openStore(*module);
  cantFail(in(*store, /*isKept=*/true).derive(*module));
  const std::string path = filesIn("kept").front();
  const std::string whole = (*MemoryBuffer::getFile(path))->getBuffer().str();
  // The header's first byte, the length it tells, its hash, a row, the last byte; and a file cut short.
  std::vector<std::string> damaged;
  for (size_t at : {size_t(0), size_t(17), size_t(60), size_t(200), whole.size() - 1}) {
    damaged.push_back(whole);
    damaged.back()[at] ^= 1;
  }
  damaged.push_back(whole.substr(0, whole.size() - 1));
  damaged.push_back("");
  for (const std::string &bytes : damaged) {
    std::error_code error;
    raw_fd_ostream(path, error) << bytes;
    warnings.clear();
    auto again = parse("f16");
    auto other = openStore(*again);
    DerivedWeights derived = in(*other, /*isKept=*/true);
    cantFail(derived.derive(*again));
    EXPECT_EQ(derived.made(), 1u);
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("is damaged; it is made anew")));
    EXPECT_EQ((*MemoryBuffer::getFile(path))->getBuffer(), whole);
  }
}

TEST_F(DerivedWeightsTest, IrThatNamesOneHasIt) {
  auto module = parse("!phiq.block<u4, 32, scale = f16, zero = 8>");
  std::unique_ptr<WeightStore> store = openStore(*module);
  cantFail(in(*store, /*isKept=*/false).derive(*module));
  const std::vector<float> expected = values(*module, *store);
  // Another process: the file is gone, the recipe is there.
  std::unique_ptr<WeightStore> fresh = openStore(*module);
  DerivedWeights derived = in(*fresh, /*isKept=*/false);
  cantFail(derived.provide(*module));
  EXPECT_EQ(derived.made(), 1u);
  EXPECT_EQ(values(*module, *fresh), expected);
}

TEST_F(DerivedWeightsTest, IrThatNamesAnotherFileThanItsRecipesIsRefused) {
  auto module = parse("!phiq.block<u4, 32, scale = f16, zero = 8>");
  std::unique_ptr<WeightStore> store = openStore(*module);
  cantFail(in(*store, /*isKept=*/false).derive(*module));
  mlir::Builder builder(&context);
  (*module)->setAttr(phiq::PhiqDialect::kFiles, builder.getStrArrayAttr({"w.bin", "derived:0123"}));
  std::unique_ptr<WeightStore> fresh = openStore(*module);
  EXPECT_THAT(toString(in(*fresh, /*isKept=*/false).provide(*module)),
              HasSubstr("weight 'w' does not lie in derived:"));
}

TEST_F(DerivedWeightsTest, AModelThatChangedIsRefused) {
  auto module = parse("f16");
  std::unique_ptr<WeightStore> store = openStore(*module);
  cantFail(in(*store, /*isKept=*/false).derive(*module));
  numbers[0] += 1;
  writeModel();
  std::unique_ptr<WeightStore> fresh = openStore(*module);
  EXPECT_THAT(toString(in(*fresh, /*isKept=*/false).provide(*module)),
              HasSubstr("the file is not the one that was imported"));
}

TEST_F(DerivedWeightsTest, WhatAFormatCannotHoldIsAnErrorAndNoFile) {
  numbers[kColumns * 70] = 1e6f;
  writeModel();
  auto module = parse("f16");
  std::unique_ptr<WeightStore> store = openStore(*module);
  EXPECT_THAT(toString(in(*store, /*isKept=*/true).derive(*module)),
              HasSubstr("weight 'w', row 70: a value is not finite, or f16 cannot hold it"));
  EXPECT_THAT(filesIn("kept"), ElementsAre());
}

} // namespace
