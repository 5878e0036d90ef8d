//===- StageReaderTest.cpp - Streams that announce too much ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The program is a script that streams a file.
//===----------------------------------------------------------------------===//
#include "compiler/verify/StageReader.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <sys/resource.h>

using namespace phic;
using testing::HasSubstr;

namespace {

constexpr uint32_t kStages = 3, kChunkRows = 16, kVocab = 97;
constexpr uint64_t kMostBytes = uint64_t(1) << 34; // that a buffer may have

class Stream : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-stream", folder));
    write("program", "#!/bin/sh\nexec cat \"$3\" >&\"$2\"\n");
    ASSERT_FALSE(llvm::sys::fs::setPermissions(path("program"), llvm::sys::fs::all_all));
    put(phi_stream_header{PHI_STREAM_MAGIC, PHI_FORMAT_VERSION, kStages, kVocab, kChunkRows, 32});
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  template <typename T> void put(T value) { bytes.append(reinterpret_cast<const char *>(&value), sizeof(value)); }
  /// A step of one row, whose only input announces so many bytes.
  void putStep(uint64_t announced) {
    phi_stream_step step = {};
    step.rows = step.total = 1;
    put(step);
    put(announced);
  }
  /// What is wrong with the stream, read to its end; empty: nothing.
  std::string fault() {
    write("stages", bytes);
    auto stages =
        StageReader::run(path("program"), {path("stages")}, {"cpu", kStages, kChunkRows, kVocab}, /*inputCount=*/1);
    if (!stages)
      return llvm::toString(stages.takeError());
    auto step = (*stages)->nextStep();
    return step ? "" : llvm::toString(step.takeError());
  }

private:
  std::string path(llvm::StringRef name) const { return (folder + "/" + name).str(); }
  void write(llvm::StringRef name, llvm::StringRef text) {
    std::error_code error;
    llvm::raw_fd_ostream(path(name), error) << text;
    ASSERT_FALSE(error);
  }

  llvm::SmallString<128> folder;
  std::string bytes;
};

TEST_F(Stream, MemoryIsThatOfWhatCame) {
  putStep(/*announced=*/kMostBytes);
  put(uint64_t(0));
  const rlimit little = {kMostBytes / 2, RLIM_INFINITY}; // of addresses: whoever believes the number ends here
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &little), 0);
  EXPECT_THAT(fault(), HasSubstr("--stream-stages gave too few bytes"));
  EXPECT_EQ(setrlimit(RLIMIT_AS, &before), 0);
}

TEST_F(Stream, ABufferHasABound) {
  putStep(/*announced=*/kMostBytes + 1);
  EXPECT_THAT(fault(), HasSubstr("--stream-stages gave a buffer that is too large"));
}

TEST_F(Stream, WhatIsWholeIsRead) {
  putStep(/*announced=*/8);
  put(uint64_t(0));
  EXPECT_EQ(fault(), "");
}

} // namespace
