//===- InputFileTest.cpp - Only regular files are read ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/InputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace phic {
namespace {

class InputFileTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-input", folder)); }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }
  std::string path(llvm::StringRef name) const { return (folder + "/" + name).str(); }
  void write(llvm::StringRef name, llvm::StringRef text) {
    std::error_code code;
    llvm::raw_fd_ostream(path(name), code) << text;
    ASSERT_FALSE(code);
  }
  static std::string refusal(const std::string &file, uint64_t most = kMostTextBytes) {
    auto read = readInput(file, most);
    return read ? "" : llvm::toString(read.takeError());
  }

  llvm::SmallString<128> folder;
};

TEST_F(InputFileTest, ReadsFilesAndLinksToThem) {
  write("a", "text");
  ASSERT_EQ(::symlink("a", path("b").c_str()), 0);
  EXPECT_EQ(llvm::cantFail(readInput(path("b")))->getBuffer(), "text");
  EXPECT_EQ(llvm::cantFail(mapInput(path("a")))->getBuffer(), "text");
  EXPECT_EQ(headOf(path("a"), 2), "te");
  EXPECT_EQ(headOf(path("a"), 9), "text");
  write("empty", "");
  EXPECT_EQ(llvm::cantFail(mapInput(path("empty")))->getBuffer(), "");
}

TEST_F(InputFileTest, WaitsForNothingAndReadsNothingEndless) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/dev/zero", path("zero").c_str()), 0);
  ASSERT_EQ(::symlink("loop", path("loop").c_str()), 0);
  for (const char *name : {"pipe", "zero"}) {
    EXPECT_EQ(refusal(path(name)), "cannot read " + path(name) + ": it is no regular file");
    EXPECT_EQ(headOf(path(name), 4), "");
    EXPECT_EQ(llvm::toString(mapInput(path(name)).takeError()), refusal(path(name)));
  }
  EXPECT_EQ(refusal("/dev/tty"), "cannot read /dev/tty: it is no regular file");
  EXPECT_EQ(refusal(path("loop")), "cannot read " + path("loop") + ": Too many levels of symbolic links");
  EXPECT_EQ(refusal(folder.str().str()), "cannot read " + folder.str().str() + ": it is a folder");
  EXPECT_EQ(refusal(path("none")), "cannot read " + path("none") + ": No such file or directory");
}

/// A sparse file costs nobody anything, until it is read.
TEST_F(InputFileTest, WhatIsReadAsAWholeHasALimit) {
  write("a", "text");
  EXPECT_EQ(refusal(path("a"), 4), "");
  EXPECT_EQ(refusal(path("a"), 3), "cannot read " + path("a") + ": it has 4 bytes, more than 3");
  ASSERT_EQ(::truncate(path("a").c_str(), off_t(1) << 40), 0);
  EXPECT_EQ(refusal(path("a")), "cannot read " + path("a") + ": it has 1099511627776 bytes, more than 268435456");
}

} // namespace
} // namespace phic
