//===- PluginTest.cpp - Plugins built into a program ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program that links libphic and registers passes itself; and what the registry
// says about mistakes that a shared library is not needed for.
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "compiler/Compiler.h"
#include "compiler/import/Importer.h"
#include "compiler/plugin/PluginFile.h"
#include "dialects/phiq/AddedFormats.h"
#include "mlir/Parser/Parser.h"
#include "targets/cpu/kernels/AddedKernels.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const std::string kModel = PHIC_TEST_DIR "/models/tiny-llama/ort-genai-int4";

/// Where hooks ran; the passes are made from functions without state of their own.
std::vector<std::string> &trace() {
  static std::vector<std::string> names;
  return names;
}

struct Trace : mlir::PassWrapper<Trace, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Trace)
  Trace() = default;
  Trace(const Trace &other) : PassWrapper(other) {}
  llvm::StringRef getArgument() const override { return "plugin-test-trace"; }
  void runOnOperation() override {
    unsigned stages = 0;
    getOperation().walk([&](plan::StageOp) { ++stages; });
    trace().push_back(std::string(label) + (stages ? " with stages" : ""));
  }
  Option<std::string> label{*this, "label", llvm::cl::init("")};
};

void registerTrace(PluginRegistry &registry) {
  registry.addPass<Trace>();
  registry.runAfter(Phase::Fuse, "plugin-test-trace{label=fused}");
  registry.runBefore(Phase::Fuse, "plugin-test-trace{label=fusing}");
  registry.runBefore(Phase::Fuse, "plugin-test-trace{label=second}");
  registry.runAfter(Phase::Import, "plugin-test-trace{label=imported}");
}

TEST(Plugin, HooksOfABuiltInPluginRunInOrderAroundTheirPhase) {
  trace().clear();
  PluginRegistry plugins;
  plugins.add("trace", "1", registerTrace);
  Options options;
  options.model = kModel;
  options.stopAfter = Phase::Fuse;
  options.output = testing::TempDir() + "/plugin_test.mlir";
  std::string log;
  llvm::raw_string_ostream os(log);
  EXPECT_EQ(compile(options, os, plugins), kExitSuccess) << log;
  EXPECT_THAT(trace(), ElementsAre("imported", "fusing", "second", "fused with stages"));
}

TEST(Plugin, TwoCompilationsMayHaveDifferentPlugins) {
  trace().clear();
  Options options;
  options.model = kModel;
  options.stopAfter = Phase::Import;
  options.output = testing::TempDir() + "/plugin_test.mlir";
  EXPECT_EQ(compile(options, llvm::nulls()), kExitSuccess);
  EXPECT_THAT(trace(), ElementsAre());
}

void unpackNothing(const uint8_t *, int64_t, BlockRow &) {}

void registerFormat(PluginRegistry &registry) {
  registry.addFormat({.name = "mine",
                      .blockElements = 32,
                      .blockBytes = 18,
                      .format = *BlockFormat::parse("u4, 32, scale = f16", nullptr),
                      .unpack = unpackNothing,
                      .ggufType = 200});
}

TEST(Plugin, FormatsBelongToAContext) {
  PluginRegistry plugins;
  plugins.add("formats", "1", registerFormat);
  EXPECT_THAT(plugins.errors(), ElementsAre());
  mlir::MLIRContext with, without;
  with.loadDialect<phiq::PhiqDialect>();
  without.loadDialect<phiq::PhiqDialect>();
  plugins.addTo(with);
  ASSERT_TRUE(AddedFormats::byName(&with, "mine"));
  EXPECT_EQ(AddedFormats::byGgufType(&with, 200), AddedFormats::byName(&with, "mine"));
  EXPECT_FALSE(AddedFormats::byName(&with, "other"));
  EXPECT_FALSE(AddedFormats::byName(&without, "mine"));
}

/// Reads IR as if it were a checkpoint.
struct IrImporter : Importer {
  Accepts accepts() const override { return {"a model.mlir", "an .mlir file"}; }
  Recognition recognizes(const std::string &path, bool isFolder) const override {
    std::string file = isFolder ? path + "/model.mlir" : path;
    if (llvm::StringRef(file).ends_with(".mlir") && llvm::sys::fs::exists(file))
      return {Claim::Content, file};
    return {};
  }
  mlir::OwningOpRef<mlir::ModuleOp> read(mlir::MLIRContext &context, const ModelPath &model,
                                         const ImportOptions &) const override {
    return mlir::parseSourceFile<mlir::ModuleOp>(model.file, &context);
  }
  llvm::Expected<SourceFacts> facts(const ModelPath &) const override { return SourceFacts(); }
  llvm::Expected<CompiledTokenizer> tokenizer(const ModelPath &, InputFiles *) const override {
    return CompiledTokenizer();
  }
};

void registerIrImporter(PluginRegistry &registry) { registry.addImporter(std::make_shared<IrImporter>()); }

/// A new folder with files of these names and texts.
std::string folderOf(llvm::StringRef name, std::vector<std::pair<std::string, std::string>> files) {
  std::string folder = testing::TempDir() + "plugin_test_" + name.str();
  llvm::sys::fs::remove_directories(folder);
  llvm::sys::fs::create_directories(folder);
  for (const auto &[file, text] : files) {
    std::error_code code;
    llvm::raw_fd_ostream(folder + "/" + file, code) << text;
    EXPECT_FALSE(code);
  }
  return folder;
}

TEST(Plugin, ImportersAreAskedBeforePhicsOwn) {
  PluginRegistry plugins;
  plugins.add("ir", "1", registerIrImporter);
  EXPECT_FALSE(plugins.isIdle());
  std::string folder = folderOf("two", {{"model.mlir", ""}, {"model.onnx", ""}});
  NoModel why;
  std::optional<ModelPath> with = findModel(folder, why, plugins.importers()), without = findModel(folder, why);
  ASSERT_TRUE(with && without) << why.reason;
  EXPECT_EQ(with->importer, plugins.importers().front().get());
  EXPECT_EQ(with->file, folder + "/model.mlir");
  EXPECT_EQ(with->directory, folder);
  EXPECT_EQ(without->file, folder + "/model.onnx");
}

TEST(Plugin, WhatNoImporterClaimsIsToldWithAllThatTheyAccept) {
  PluginRegistry plugins;
  plugins.add("ir", "1", registerIrImporter);
  std::string folder = folderOf("none", {{"notes.txt", "notes"}});
  NoModel why;
  EXPECT_FALSE(findModel(folder, why, plugins.importers()));
  EXPECT_EQ(why.reason, folder + " holds no model: neither a model.mlir nor a model.onnx nor a .gguf file");
  EXPECT_FALSE(findModel(folder + "/notes.txt", why, plugins.importers()));
  EXPECT_EQ(why.reason, folder + "/notes.txt is no model: neither an .mlir file nor an .onnx file nor a .gguf file");
}

TEST(Plugin, ImportersMakeTheModuleOfACompilation) {
  PluginRegistry plugins;
  plugins.add("ir", "1", registerIrImporter);
  std::string folder = folderOf("ir", {{"model.mlir", "module attributes {test.mine} {}"}});
  Options options;
  options.model = folder;
  options.stopAfter = Phase::Import;
  options.output = folder + "/out.mlir";
  std::string log;
  llvm::raw_string_ostream os(log);
  EXPECT_EQ(compile(options, os, plugins), kExitSuccess) << log;
  auto written = llvm::MemoryBuffer::getFile(options.output);
  ASSERT_TRUE(written);
  EXPECT_THAT((*written)->getBuffer().str(), HasSubstr("test.mine"));
}

TEST(Plugin, StoredBlocksAreCheckedLikeThoseOfGguf) {
  BlockStorage row{.name = "mine",
                   .blockElements = 32,
                   .blockBytes = 18,
                   .format = *BlockFormat::parse("u4, 32, scale = f16", nullptr),
                   .unpack = unpackNothing};
  BlockFormat other = *BlockFormat::parse("u4, 32, scale = f32", nullptr);
  EXPECT_EQ(checkStorage(row, &row.format, 2, 64, {72}), "");
  EXPECT_EQ(checkStorage(row, &row.format, 2, 64, {71}),
            "range 0 has 71 bytes, layout 'mine' of this type asks for 72");
  EXPECT_EQ(checkStorage(row, &row.format, 2, 48, {54}), "'mine' stores whole blocks of 32, found rows of 48");
  EXPECT_EQ(checkStorage(row, nullptr, 2, 64, {72}), "'mine' stores a block format, found floats");
  EXPECT_THAT(checkStorage(row, &other, 2, 64, {72}), HasSubstr("found block<u4, 32, scale = f32>"));
}

TEST(Plugin, RowsWithoutWhatTheyNeedAreErrors) {
  PluginRegistry plugins;
  plugins.add("bad", "1", [](PluginRegistry &registry) {
    registerFormat(registry);
    registerFormat(registry);
    registry.addKernel({});
    registry.addRegion({"named", {}, {}});
  });
  EXPECT_THAT(plugins.errors(),
              ElementsAre("plugin 'bad' the format 'mine' has the name or GGUF type of another plugin's",
                          "plugin 'bad' has a kernel row without a name, or without one of its functions",
                          "plugin 'bad' has a region row without a name, or without one of its functions"));
}

TEST(Plugin, OptionsThatNobodyAsksForAreErrors) {
  PluginRegistry plugins;
  plugins.add("trace", "1",
              [](PluginRegistry &registry) {
                registry.addPass<Trace>();
                EXPECT_THAT(registry.options("match"), ElementsAre("a", "b"));
                EXPECT_EQ(registry.option("match"), "b");
                EXPECT_EQ(registry.option("format", "int8"), "int8");
              },
              {{"match", "a"}, {"match", "b"}, {"formt", "int4"}});
  EXPECT_THAT(plugins.errors(), ElementsAre("plugin 'trace' has no option 'formt'; it has match, format"));
}

TEST(Plugin, FilesAreJudgedBeforeTheyAreRun) {
  EXPECT_EQ(checkPluginFile("/nonexistent.so"), "no such file");
  EXPECT_EQ(checkPluginFile(PHIC_TEST_DIR), "is a directory, not a shared library");
  EXPECT_THAT(checkPluginFile(__FILE__), HasSubstr("is not a shared library: "));
  EXPECT_THAT(checkPluginFile("/proc/self/exe"), HasSubstr("does not define mlirGetPassPluginInfo"));
}

} // namespace
