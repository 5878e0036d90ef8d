//===- ProgramTest.cpp - Links a tiny model and runs it ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model has one kernel, in LLVM IR: logits[v] = weights[v], plus 10 where v is
// the token after the row's own. Greedy, it counts.
//===----------------------------------------------------------------------===//
#include "llvm/Support/Program.h"
#include "compiler/files/OutputFiles.h"
#include "compiler/link/Linker.h"
#include "compiler/link/ProgramFile.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/BinaryFormat/MachO.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace phic;
using testing::HasSubstr;

namespace {

constexpr int kVocab = 32;
constexpr char kTriple[] = "x86_64-unknown-linux-musl";

constexpr char kKernels[] = R"(
@args = internal constant [1 x i64] zeroinitializer
declare void @phi_run_stage(ptr, i32, i32, ptr, ptr, i64)

define internal void @head(ptr %frame, ptr %args, i64 %begin, i64 %end, ptr %scratch) {
entry:
  %weights = load ptr, ptr %frame
  %bindings.at = getelementptr i8, ptr %frame, i64 16
  %bindings = load ptr, ptr %bindings.at
  %tokens = load ptr, ptr %bindings
  %logits.at = getelementptr ptr, ptr %bindings, i64 1
  %logits = load ptr, ptr %logits.at
  %row0.at = getelementptr i8, ptr %frame, i64 56
  %row0 = load i64, ptr %row0.at
  br label %rows
rows:
  %tile = phi i64 [ %begin, %entry ], [ %tile.next, %rows.end ]
  %row = add i64 %row0, %tile
  %token.at = getelementptr i32, ptr %tokens, i64 %row
  %token = load i32, ptr %token.at
  %next = add i32 %token, 1
  %hot32 = urem i32 %next, 32
  %hot = zext i32 %hot32 to i64
  br label %columns
columns:
  %v = phi i64 [ 0, %rows ], [ %v.next, %columns ]
  %w.at = getelementptr float, ptr %weights, i64 %v
  %w = load float, ptr %w.at
  %is = icmp eq i64 %v, %hot
  %bonus = select i1 %is, float 10.0, float 0.0
  %sum = fadd float %w, %bonus
  %at.row = mul i64 %tile, 32
  %at = add i64 %at.row, %v
  %out = getelementptr float, ptr %logits, i64 %at
  store float %sum, ptr %out
  %v.next = add i64 %v, 1
  %v.end = icmp eq i64 %v.next, 32
  br i1 %v.end, label %rows.end, label %columns
rows.end:
  %tile.next = add i64 %tile, 1
  %done = icmp eq i64 %tile.next, %end
  br i1 %done, label %exit, label %rows
exit:
  ret void
}

define void @phi_entry_test(ptr %frame, i32 %thread) {
  %rows.at = getelementptr i8, ptr %frame, i64 24
  %rows = load i64, ptr %rows.at
  %row0.at = getelementptr i8, ptr %frame, i64 56
  %row0 = load i64, ptr %row0.at
  %tiles = sub i64 %rows, %row0
  call void @phi_run_stage(ptr %frame, i32 %thread, i32 0, ptr @head, ptr @args, i64 %tiles)
  ret void
}
)";

std::vector<float> testWeights() {
  std::vector<float> weights(kVocab);
  for (int v = 0; v < kVocab; ++v)
    weights[v] = float(v) / 64;
  return weights;
}

ModelData testModel() {
  ModelData model;
  model.name = "counter";
  model.phicVersion = "test";
  model.vocab = kVocab;
  model.contextMax = model.contextDefault = 64;
  model.weightsBytes = kVocab * sizeof(float);
  model.variants = {{"baseline", 0, {"phi_entry_test"}}};
  model.entries = {{"prefill",
                    {{"ids", {PHI_DIM_ROWS}, PHI_I32, PHI_INPUT, 0, 0},
                     {"logits", {PHI_DIM_LOGIT_ROWS, kVocab}, PHI_F32, PHI_RESULT, 1, 1}},
                    /*slotCount=*/2,
                    /*mostRows=*/0}};
  PlanData plan{
      "cpu",          0, model.weightsBytes, /*arenaBytes=*/64, /*scratchBytes=*/64, /*stateBytesPerToken=*/64,
      /*chunkRows=*/4};
  plan.stages = {{"head", {{PHI_SPACE_BINDING, 0, kVocab * sizeof(float), /*slot=*/1, 0, 0}}, /*logitRows=*/true}};
  model.plans = {plan};
  model.stopIds = {20};
  return model;
}

llvm::SmallVector<char, 0> compileKernels() {
  // emitModelObject initialises the targets.
  llvm::cantFail(emitModelObject(testModel(), 0, allSystems().front()).takeError());
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(kKernels, diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  llvm::Triple triple(kTriple);
  std::string reason;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, reason);
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(triple, "", "", {}, llvm::Reloc::PIC_));
  module->setTargetTriple(triple);
  module->setDataLayout(machine->createDataLayout());
  llvm::SmallVector<char, 0> object;
  llvm::raw_svector_ostream out(object);
  llvm::legacy::PassManager passes;
  machine->addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::ObjectFile);
  passes.run(*module);
  return object;
}

struct Outcome {
  int code;
  std::string out, err;
};

/// With true, of programs that start the system's loader; what they promise is the same.
class ProgramTest : public testing::TestWithParam<bool> {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-test", folder));
    program = path("counter");
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(llvm::StringRef name) const { return (folder + "/" + name).str(); }

  llvm::Error link(const std::string &output, bool failWeights = false) {
    llvm::SmallVector<char, 0> kernels = compileKernels();
    std::vector<float> weights = testWeights();
    auto write = [&](WeightSink &sink) -> llvm::Error {
      if (llvm::Error failure = sink.write({reinterpret_cast<const uint8_t *>(weights.data()), kVocab * 4}))
        return failure;
      return failWeights ? llvm::createStringError("no more weights") : llvm::Error::success();
    };
    ProgramParts parts;
    parts.model = testModel();
    parts.objects = {kernels};
    parts.manifest = "{\"name\": \"counter\"}";
    parts.writeWeights = write;
    parts.wantsLoader = GetParam();
    return linkOutputs(parts, {{{EmitKind::Exe, output}}, "", "counter"}, planned);
  }

  std::string read(const std::string &file) const {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
  void write(const std::string &file, llvm::StringRef bytes) const {
    std::error_code failure;
    llvm::raw_fd_ostream(file, failure) << bytes;
    llvm::sys::fs::setPermissions(file, llvm::sys::fs::owner_all);
  }

  Outcome run(std::vector<llvm::StringRef> arguments) const {
    arguments.insert(arguments.begin(), program);
    std::string in = path("in"), out = path("out"), err = path("err");
    write(in, "");
    int code = llvm::sys::ExecuteAndWait(program, arguments, std::nullopt,
                                         {llvm::StringRef(in), llvm::StringRef(out), llvm::StringRef(err)});
    return {code, read(out), read(err)};
  }

  std::vector<std::string> filesInFolder() const {
    std::vector<std::string> names;
    std::error_code failure;
    for (llvm::sys::fs::directory_iterator at(folder, failure), end; at != end; at.increment(failure))
      names.push_back(llvm::sys::path::filename(at->path()).str());
    return names;
  }

  llvm::SmallString<128> folder;
  std::string program;
  InputFiles inputs;
  OutputFiles planned{inputs, {}};
};

INSTANTIATE_TEST_SUITE_P(Programs, ProgramTest, testing::Bool(),
                         [](const auto &wantsLoader) { return wantsLoader.param ? "Loaded" : "Static"; });

std::string openError(const std::string &path) {
  auto program = ProgramFile::open(path);
  return program ? "" : llvm::toString(program.takeError());
}

TEST_P(ProgramTest, RunsOnAnyNumberOfThreads) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  for (llvm::StringRef threads : {"1", "2", "5"}) {
    Outcome outcome = run({"--tokens", "1,2,3", "-n", "5", "--print-ids", "--threads", threads, "--temp", "0"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "4\n5\n6\n7\n8\n");
  }
}

TEST_P(ProgramTest, WritesLogitsOfEveryToken) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  std::string file = path("logits.npy");
  Outcome outcome = run({"--tokens=0,1,2,3,4,5,6,7,8,9", "--logits", file});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  std::string bytes = read(file);
  ASSERT_EQ(bytes.size(), 128 + 10 * kVocab * sizeof(float));
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_THAT(bytes.substr(10, 118), HasSubstr("'shape': (10, 32), }"));
  EXPECT_EQ(bytes[127], '\n');
  std::vector<float> weights = testWeights(), logits(10 * kVocab);
  memcpy(logits.data(), bytes.data() + 128, logits.size() * sizeof(float));
  for (int row = 0; row < 10; ++row)
    for (int v = 0; v < kVocab; ++v)
      EXPECT_EQ(logits[row * kVocab + v], weights[v] + (v == row + 1 ? 10 : 0));
}

TEST_P(ProgramTest, StopsAtTheModelsStopTokens) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  EXPECT_EQ(run({"--tokens", "17", "--print-ids"}).out, "18\n19\n20\n");
  EXPECT_EQ(run({"--tokens", "17", "--print-ids", "--ignore-eos", "-n", "4"}).out, "18\n19\n20\n21\n");
}

TEST_P(ProgramTest, ReportsItself) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  EXPECT_EQ(run({"--version"}).out, "counter, compiled by phic test for baseline\n");
  Outcome outcome = run({"--tokens", "1,2,3", "-n", "2", "--stats=json", "--threads", "1"});
  for (const char *key :
       {"load_s", "first_token_s", "prefill_tokens\": 3", "prefill_s", "decode_tokens\": 1", "decode_s", "threads\": 1",
        "cpu_variant\": \"baseline\"", "weight_bytes\": 128", "arena_bytes", "kv_bytes\": 4096", "peak_rss_bytes"})
    EXPECT_THAT(outcome.err, HasSubstr(key));
}

TEST_P(ProgramTest, NeedsNothingAround) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  auto file = llvm::object::ELFFile<llvm::object::ELF64LE>::create(read(program));
  for (const auto &segment : llvm::cantFail(file->program_headers()))
    EXPECT_NE(segment.p_type, unsigned(llvm::ELF::PT_INTERP));

  // An empty root directory with nothing in it but the program.
  std::string root = path("root");
  ASSERT_FALSE(llvm::sys::fs::create_directory(root));
  ASSERT_FALSE(llvm::sys::fs::copy_file(program, root + "/counter"));
  llvm::sys::fs::setPermissions(root + "/counter", llvm::sys::fs::owner_all);
  pid_t child = fork();
  if (child == 0) {
    if (chroot(root.c_str()) != 0 || chdir("/") != 0)
      _exit(77);
    execl("/counter", "counter", "--tokens", "1", "-n", "1", "--logits", "/l.npy", nullptr);
    _exit(78);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WEXITSTATUS(status) == 77)
    GTEST_SKIP() << "[SKIP] chroot is not permitted here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read(root + "/l.npy").size(), 128 + kVocab * sizeof(float));
}

TEST_P(ProgramTest, IsTheSameEveryTime) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  ASSERT_FALSE(llvm::errorToBool(link(path("again"))));
  EXPECT_EQ(read(program), read(path("again")));
  // Nothing of where it was built.
  EXPECT_EQ(read(program).find(PHIC_TEST_DIR), std::string::npos);
  EXPECT_EQ(read(program).find("phic-link"), std::string::npos);
}

TEST_P(ProgramTest, AFailureLeavesNoFile) {
  write(path("counter"), "older");
  std::string message = llvm::toString(link(program, /*failWeights=*/true));
  EXPECT_EQ(message, "no more weights");
  EXPECT_EQ(read(program), "older");
  EXPECT_EQ(filesInFolder(), std::vector<std::string>{"counter"});
  EXPECT_THAT(llvm::toString(link(path("absent/counter"))), HasSubstr("cannot write"));
}

TEST_P(ProgramTest, MacosHoldsLessThan4GiBOfWeights) {
  ProgramParts parts;
  parts.system = systemByName("arm64-macos");
  parts.model = testModel();
  parts.model.variants = {};
  parts.manifest = "{}";
  bool asked = false;
  auto write = [&](WeightSink &) -> llvm::Error {
    asked = true;
    return llvm::createStringError("no weights here");
  };
  parts.writeWeights = write;
  for (EmitKind kind : {EmitKind::Exe, EmitKind::Shared, EmitKind::Lib}) {
    parts.model.weightsBytes = uint64_t(5) << 30;
    EXPECT_EQ(llvm::toString(linkOutputs(parts, {{{kind, program}}, "", "counter"}, planned)),
              "the weights have 5.00 GiB, but a file for macOS holds at most 3.75 GiB of them; use --weights=sidecar");
    parts.model.weightsBytes = (uint64_t(15) << 28) + 1;
    EXPECT_THAT(llvm::toString(linkOutputs(parts, {{{kind, program}}, "", "counter"}, planned)),
                HasSubstr("--weights=sidecar"));
    EXPECT_FALSE(asked);
    // One byte less is no mistake: the weights are asked for.
    --parts.model.weightsBytes;
    EXPECT_EQ(llvm::toString(linkOutputs(parts, {{{kind, program}}, "", "counter"}, planned)), "no weights here");
    EXPECT_EQ(filesInFolder(), std::vector<std::string>());
    asked = false;
    // In a file of their own there may be any number.
    parts.model.weightsBytes = uint64_t(15) << 30;
    parts.model.sidecar = "counter.weights";
    EXPECT_EQ(llvm::toString(linkOutputs(parts, {{{kind, program}}, path("counter.weights"), "counter"}, planned)),
              "no weights here");
    parts.model.sidecar = "";
    asked = false;
  }
}

TEST_P(ProgramTest, IsReadBack) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  auto read = ProgramFile::open(program);
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->manifest(), "{\"name\": \"counter\"}");
  EXPECT_EQ(read->model().vocab, unsigned(kVocab));
  EXPECT_EQ(read->model().variant_count, 1u);
  std::vector<float> weights = testWeights();
  ASSERT_EQ(read->weights().size(), weights.size() * sizeof(float));
  EXPECT_EQ(memcmp(read->weights().data(), weights.data(), read->weights().size()), 0);
  EXPECT_FALSE(llvm::errorToBool(read->verifyWeights()));
  EXPECT_LT(read->codeBytes(), 100u << 10);
}

TEST_P(ProgramTest, RefusesDamagedFiles) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  std::string whole = read(program);

  write(path("cut"), whole.substr(0, whole.size() - 100));
  EXPECT_THAT(openError(path("cut")), HasSubstr("its weights are cut short"));
  write(path("header"), whole.substr(0, 5000));
  EXPECT_THAT(openError(path("header")), HasSubstr("damaged"));
  write(path("text"), "#!/bin/sh\n");
  EXPECT_THAT(openError(path("text")), HasSubstr("not a program or library made by phic"));
  EXPECT_THAT(openError("/proc/self/exe"), HasSubstr("not a program or library made by phic"));
  EXPECT_THAT(openError(path("absent")), HasSubstr("cannot read"));

  std::string changed = whole;
  changed[whole.size() - sizeof(phi_weights_trailer) - 100] ^= 1;
  write(path("changed"), changed);
  auto opened = ProgramFile::open(path("changed"));
  ASSERT_TRUE(bool(opened));
  EXPECT_THAT(llvm::toString(opened->verifyWeights()), HasSubstr("have been changed"));
}

/// A list of them all would be of gigabytes, and each could be the same one of no bytes.
TEST_P(ProgramTest, RefusesMoreLoadCommandsThanTheFileHas) {
  llvm::MachO::mach_header_64 header = {};
  header.magic = llvm::MachO::MH_MAGIC_64;
  header.cputype = llvm::MachO::CPU_TYPE_ARM64;
  header.filetype = llvm::MachO::MH_OBJECT;
  header.ncmds = 0x2F000004;
  header.sizeofcmds = 64;
  std::string bytes(reinterpret_cast<const char *>(&header), sizeof(header));
  std::ofstream(path("counts"), std::ios::binary) << bytes + std::string(64, 0);
  EXPECT_THAT(openError(path("counts")), HasSubstr("counts more load commands than it can have"));
}

/// Headers of sections are no part of the image that is hashed, and zeros need no bytes.
TEST_P(ProgramTest, RefusesSectionsLargerThanTheFile) {
  using Elf = llvm::object::ELF64LE;
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  std::string bytes = read(program);
  const auto elf = llvm::cantFail(llvm::object::ELFFile<Elf>::create(bytes));
  for (const Elf::Shdr &header : llvm::cantFail(elf.sections()))
    if (const llvm::StringRef name = llvm::cantFail(elf.getSectionName(header)); name == ".init_array") {
      auto &zeros = const_cast<Elf::Shdr &>(header);
      zeros.sh_type = llvm::ELF::SHT_NOBITS;
      zeros.sh_size = uint64_t(1) << 40;
      std::strcpy(const_cast<char *>(name.data()), ".phi_tokenizer"); // into the next one's name
    }
  write(path("large"), bytes);
  EXPECT_THAT(openError(path("large")), HasSubstr("its sections have more bytes than the file"));
}

TEST_P(ProgramTest, RefusesToRunDamaged) {
  ASSERT_FALSE(llvm::errorToBool(link(program)));
  std::string whole = read(program);
  // The trailer is gone: nothing is mapped there, or zeros are.
  write(program, whole.substr(0, whole.size() / 4096 * 4096));
  Outcome outcome = run({"--tokens", "1"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("this model's file is damaged: its weights"));
  write(program, whole.substr(0, whole.size() - 1));
  outcome = run({"--tokens", "1"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("this model's file is damaged: its weights"));
}

} // namespace
