//===- CompilationTest.cpp - What a compilation does once ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counted, not timed: bytes hashed and tokenizers compiled, by whoever asks for them.
//===----------------------------------------------------------------------===//
#include "compiler/Compilation.h"
#include "compiler/import/Importer.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

constexpr char kOnnx[] = PHIC_TEST_DIR "/models/tiny-llama/ort-genai-fp32";
constexpr char kGguf[] = PHIC_TEST_DIR "/models/tiny-llama/gguf-Q4_1";

/// A folder for outputs that goes with the test.
class Folder {
public:
  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-compilation", path)); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string file(llvm::StringRef name) const { return (path + "/" + name).str(); }

private:
  llvm::SmallString<128> path;
};

/// Bytes hashed by a compilation with these options.
uint64_t hashedBy(const Options &options) {
  BuildRequest request = llvm::cantFail(resolveBuild(options));
  InputFiles inputs;
  OutputFiles outputs(inputs, {});
  Compilation compilation(request, inputs, outputs, llvm::nulls(), PluginRegistry());
  EXPECT_EQ(compilation.run(), kExitSuccess);
  return compilation.hashedBytes();
}

/// Everything that reads weights: measured, converted, packed for two systems.
Options wholeBuild(const std::string &model, const Folder &folder) {
  Options options;
  options.model = model;
  options.output = folder.file("prog");
  options.target = "x86_64-linux,aarch64-linux";
  options.report = folder.file("report");
  options.quiet = true;
  return options;
}

Options importOnly(const std::string &model, const Folder &folder) {
  Options options;
  options.model = model;
  options.output = folder.file("imported.mlir");
  options.stopAfter = Phase::Import;
  return options;
}

TEST(Compilation, HashesBytesOfWeightsOnceHoweverOftenTheyAreRead) {
  Folder folder;
  for (const char *model : {kOnnx, kGguf}) {
    uint64_t imported = hashedBy(importOnly(model, folder));
    EXPECT_GT(imported, 100000u) << model;
    Options build = wholeBuild(model, folder);
    if (model == kOnnx)
      build.precision.precision = "int4";
    EXPECT_EQ(hashedBy(build), imported) << model;
  }
}

TEST(Compilation, HashesWhatIrFromAFileNamesOnce) {
  Folder folder;
  Options import = importOnly(kOnnx, folder);
  uint64_t imported = hashedBy(import);
  Options build = wholeBuild(import.output, folder);
  build.startFrom = Phase::Canonicalize;
  build.modelDirectory = kOnnx;
  // Weights that are equal have become one, and are read as one.
  uint64_t read = hashedBy(build);
  EXPECT_LE(read, imported);
  EXPECT_GT(read, imported / 2);
}

/// GGUF, counting.
class CountingImporter final : public Importer {
public:
  Accepts accepts() const override { return gguf().accepts(); }
  Recognition recognizes(const std::string &path, bool isFolder) const override {
    return gguf().recognizes(path, isFolder);
  }
  mlir::OwningOpRef<mlir::ModuleOp> read(mlir::MLIRContext &context, const ModelPath &model,
                                         const ImportOptions &options) const override {
    return gguf().read(context, model, options);
  }
  llvm::Expected<SourceFacts> facts(const ModelPath &model) const override { return gguf().facts(model); }
  llvm::Expected<CompiledTokenizer> tokenizer(const ModelPath &model, InputFiles *inputs) const override {
    ++tokenizers;
    return gguf().tokenizer(model, inputs);
  }
  mutable int tokenizers = 0;

private:
  static const Importer &gguf() {
    NoModel why;
    static const Importer &importer = *findModel(kGguf, why)->importer;
    return importer;
  }
};

TEST(Compilation, CompilesTheTokenizerOnceForLimitReportAndAllSystems) {
  Folder folder;
  auto importer = std::make_shared<CountingImporter>();
  static std::shared_ptr<CountingImporter> added;
  added = importer;
  PluginRegistry plugins;
  plugins.add("counting", "1", [](PluginRegistry &registry) { registry.addImporter(added); });
  Options options = wholeBuild(kGguf, folder);
  options.maxMemory = uint64_t(1) << 40;
  InputFiles inputs;
  OutputFiles outputs(inputs, {});
  Compilation compilation(llvm::cantFail(resolveBuild(options)), inputs, outputs, llvm::nulls(), plugins);
  EXPECT_EQ(compilation.run(), kExitSuccess);
  EXPECT_EQ(importer->tokenizers, 1);
  added = nullptr;
}

} // namespace
