//===- CheckTest.cpp - What phic check says, and when it goes on -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/check/Check.h"
#include "compiler/check/CheckPrinter.h"
#include "compiler/files/Json.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

namespace {

constexpr char kOnnx[] = PHIC_TEST_DIR "/models/tiny-llama/ort-genai-int4";
constexpr char kGguf[] = PHIC_TEST_DIR "/models/tiny-llama/gguf-Q4_K_M";
constexpr char kBadModels[] = PHIC_TEST_DIR "/compiler/import/onnx/models/";

CheckOptions onReference() {
  CheckOptions more;
  more.machine = MachineChoice::Reference;
  return more;
}

CheckReport checkModel(const std::string &model, CheckOptions more = onReference()) {
  Options options;
  options.model = model;
  return check(llvm::cantFail(resolveCheck(options)), more);
}

/// All findings and their notes.
std::vector<std::string> texts(const CheckReport &report) {
  std::vector<std::string> all;
  for (const Finding &finding : report.findings) {
    all.push_back(finding.message);
    all.insert(all.end(), finding.notes.begin(), finding.notes.end());
  }
  return all;
}

/// A folder with the given files, copied or written.
class Folder {
public:
  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-check", path)); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  void copy(const std::string &from, const std::string &name) {
    EXPECT_FALSE(llvm::sys::fs::copy_file(from, path.str() + "/" + name)) << from;
  }
  void write(const std::string &name, llvm::StringRef text) {
    std::error_code failure;
    llvm::raw_fd_ostream((path.str() + "/" + name).str(), failure) << text;
    EXPECT_FALSE(failure);
  }
  std::string str() const { return path.str().str(); }

private:
  llvm::SmallString<128> path;
};

TEST(Check, SaysEverythingOfAGoodModel) {
  CheckReport report = checkModel(kOnnx);
  EXPECT_EQ(report.code, kExitSuccess);
  EXPECT_EQ(report.errors(), 0u);
  ASSERT_TRUE(report.source && report.precision && report.tokenizer && report.prediction);
  EXPECT_EQ(report.source->kind, "ONNX, operator set 22");
  EXPECT_GT(report.source->ops.at("com.microsoft.MatMulNBits"), 0);
  EXPECT_EQ(report.source->dimensions[0].name, "batch_size");
  EXPECT_THAT(report.source->dimensions[0].inputs, Contains("attention_mask"));
  EXPECT_EQ(report.tokenizer->ids, 640u);
  EXPECT_EQ(report.prediction->context, 512); // the model's own limit
  EXPECT_GT(report.prediction->scratchBytes, 0u);
}

TEST(Check, CountsTheFormatsOfAGgufFile) {
  CheckReport report = checkModel(kGguf);
  EXPECT_EQ(report.code, kExitSuccess);
  ASSERT_TRUE(report.source);
  EXPECT_EQ(report.source->formats.at("Q5_0").tensors, 11);
  EXPECT_EQ(report.source->formats.at("Q4_K").bytes, 13824u);
}

TEST(Check, NamesAllUnsupportedNodesAndTheTokenizersErrorAtOnce) {
  Folder folder;
  folder.copy(std::string(kBadModels) + "bad_many.onnx", "model.onnx");
  folder.write("tokenizer.json", R"({"model": {"type": "Unigram", "vocab": []}})");
  folder.write("tokenizer_config.json", "{}");
  CheckReport report = checkModel(folder.str());
  EXPECT_EQ(report.code, kExitModel);
  EXPECT_GE(report.errors(), 2u);
  std::vector<std::string> all = texts(report);
  EXPECT_THAT(all, Contains(HasSubstr("cannot be imported")));
  EXPECT_THAT(all, Contains(HasSubstr("Unigram")));
  EXPECT_GE(llvm::count_if(all, [](const std::string &text) { return text.find(": op '") != std::string::npos; }), 2);
  EXPECT_TRUE(report.source) << "the files can be read";
  EXPECT_FALSE(report.prediction);
}

TEST(Check, ATokenizerErrorDoesNotHideTheRest) {
  Folder folder;
  for (const char *name : {"model.onnx", "model.onnx.data", "genai_config.json"})
    folder.copy(std::string(kOnnx) + "/" + name, name);
  folder.write("tokenizer.json", "{ not json");
  CheckReport report = checkModel(folder.str());
  EXPECT_EQ(report.code, kExitModel);
  EXPECT_EQ(report.errors(), 1u);
  EXPECT_FALSE(report.tokenizer);
  EXPECT_TRUE(report.prediction);
}

TEST(Check, AMissingTokenizerIsAWarning) {
  CheckReport report = checkModel(PHIC_TEST_DIR "/models/tiny-llama/ort-genai-fp32");
  EXPECT_EQ(report.code, kExitSuccess);
  EXPECT_THAT(texts(report), Contains(HasSubstr("has no tokenizer.json")));
}

TEST(Check, AMissingModelIsWrongUse) {
  CheckReport report = checkModel("no/such/model");
  EXPECT_EQ(report.code, kExitUsage);
  EXPECT_THAT(texts(report), Contains(HasSubstr("no such file or directory: no/such/model")));
}

TEST(Check, MemoryFollowsTheContext) {
  CheckOptions more = onReference();
  more.context = 64;
  more.threads = 1;
  EXPECT_EQ(checkModel(kOnnx, more).prediction->kvBytes, 64u * 256);
  more.context = 513;
  CheckReport tooLong = checkModel(kOnnx, more);
  EXPECT_EQ(tooLong.code, kExitUsage);
  EXPECT_THAT(texts(tooLong), Contains(HasSubstr("--ctx=513 is more than the program can hold: 512 tokens")));
}

TEST(Check, AProgramAboveTheLimitIsRefused) {
  Options options;
  options.model = kOnnx;
  options.maxMemory = 100000;
  CheckReport report = check(llvm::cantFail(resolveCheck(options)), onReference());
  EXPECT_EQ(report.code, kExitModel);
  EXPECT_THAT(texts(report), Contains(HasSubstr("more than --max-memory=97.7 KiB")));
}

/// For a device too, an abacus (test/targets/abacus) if not told.
CheckReport checkForDevice(CheckOptions more, const char *device = "abacus") {
  Options options;
  options.model = kOnnx;
  options.device = device;
  return check(llvm::cantFail(resolveCheck(options)), more);
}

TEST(Check, ADeviceIsPredictedWithItsReferenceOrTheMachineNamed) {
  CheckReport byReference = checkForDevice(onReference());
  ASSERT_EQ(byReference.devices.size(), 1u);
  const Prediction &reference = byReference.devices.front();
  EXPECT_FALSE(reference.isHost);
  EXPECT_EQ(reference.family, "abacus");
  EXPECT_EQ(reference.machine.source, "a practised hand");
  EXPECT_EQ(reference.tokenizerBytes, 0u);
  EXPECT_EQ(reference.chunkRows, 20);
  EXPECT_EQ(byReference.prediction->family, "cpu");

  CheckOptions more = onReference();
  more.knownMachine = "schoolroom";
  more.context = 60;
  CheckReport byName = checkForDevice(more);
  EXPECT_EQ(byName.code, kExitSuccess);
  EXPECT_THAT(texts(byName), Not(Contains(HasSubstr("of memory on abacus"))));
  const Prediction &named = byName.devices.front();
  EXPECT_EQ(named.machine.source, "thirty children");
  EXPECT_EQ(named.kvBytes, 60u * 256);
  // Seventeen stages at four seconds, and what they read.
  EXPECT_NEAR(named.decode.seconds, 17 * 4 + named.decode.bytes / 60, 1e-3);
}

TEST(Check, AGpuWorksInMemoryBesideThePlans) {
  CheckOptions more = onReference();
  more.knownMachine = "h200";
  const CheckReport report = checkForDevice(more, "cuda");
  ASSERT_EQ(report.devices.size(), 1u);
  const Prediction &gpu = report.devices.front();
  EXPECT_GT(gpu.scratchBytes, 0u) << "parts of attention's sums";
  EXPECT_LT(gpu.scratchBytes, gpu.totalBytes());
  EXPECT_EQ(gpu.machine.memoryBytes, uint64_t(141) << 30);
  EXPECT_EQ(gpu.weightBytes, report.prediction->weightBytes);
}

TEST(Check, ADeviceWithoutTheMemoryIsAWarning) {
  CheckOptions more = onReference();
  more.knownMachine = "schoolroom";
  CheckReport report = checkForDevice(more);
  EXPECT_EQ(report.code, kExitSuccess);
  EXPECT_THAT(texts(report),
              Contains(HasSubstr("of memory on abacus with 512 tokens, more than the 781.2 KiB of thirty children")));
  EXPECT_THAT(texts(report), Contains(HasSubstr(" tokens fit")));
}

TEST(Check, AMachineOfAFamilyThatTheProgramLacksIsRefused) {
  CheckOptions more = onReference();
  more.knownMachine = "schoolroom";
  CheckReport report = checkForDevice(more, "");
  EXPECT_EQ(report.code, kExitUsage);
  EXPECT_THAT(texts(report),
              Contains("--machine=schoolroom is of the family 'abacus', which the program has no code for: "
                       "--device=abacus makes some"));
  EXPECT_FALSE(report.source) << "nothing was read";
}

TEST(Check, JsonHoldsEverything) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printJson(checkModel(kOnnx), os);
  Json json = llvm::cantFail(parseJson(text, "check"));
  EXPECT_EQ(json["can_be_built"], true);
  EXPECT_EQ(json["memory"]["kv_bytes_per_token"], 256);
  EXPECT_EQ(json["machine"]["measured"], false);
  EXPECT_GT(json["speed"]["decode"]["tokens_per_s"], 0);
  EXPECT_EQ(json["source"]["symbolic_dimensions"].size(), 5u);
  EXPECT_EQ(json["precision"]["kv_cache"], "f16");
  EXPECT_FALSE(json.contains("devices"));
}

TEST(Check, DevicesAreInTextAndJson) {
  CheckOptions more = onReference();
  more.knownMachine = "schoolroom";
  const CheckReport report = checkForDevice(more);
  std::string text;
  llvm::raw_string_ostream os(text);
  printText(report, os);
  EXPECT_THAT(text, HasSubstr(" on abacus, of 781.2 KiB with 512 tokens\n"));
  EXPECT_THAT(text, HasSubstr("predicted: at most on abacus, by limits thirty children: "));
  EXPECT_THAT(text, HasSubstr(", 4000000.0 us a stage\n"));
  text.clear();
  printJson(report, os);
  Json json = llvm::cantFail(parseJson(text, "check"));
  EXPECT_EQ(json["devices"]["abacus"]["machine"]["memory_bytes"], 800000);
  EXPECT_GT(json["devices"]["abacus"]["speed"]["decode"]["tokens_per_s"], 0);
}

} // namespace
