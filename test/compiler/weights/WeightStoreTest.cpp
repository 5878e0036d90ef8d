//===- WeightStoreTest.cpp - Ranges are checked before use -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/WeightStore.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using testing::HasSubstr;

namespace {

class WeightStoreTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-weights", directory));
    write("a.bin", std::string(100000, 'a') + "tail");
    write("empty.bin", "");
  }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  void write(llvm::StringRef name, llvm::StringRef bytes) {
    std::error_code error;
    llvm::raw_fd_ostream(path(name), error) << bytes;
    ASSERT_FALSE(error);
  }
  std::string path(llvm::StringRef name) { return (directory + "/" + name).str(); }

  std::unique_ptr<WeightStore> open(std::vector<std::string> files) {
    return llvm::cantFail(WeightStore::open(directory, files));
  }
  std::string openError(std::vector<std::string> files) {
    return llvm::toString(WeightStore::open(directory, files).takeError());
  }

  llvm::SmallString<128> directory;
};

TEST_F(WeightStoreTest, HandsOutCheckedBytes) {
  auto store = open({"a.bin", "empty.bin"});
  FileRange range = llvm::cantFail(store->makeRange(0, 99998, 6));
  EXPECT_EQ(range.hash, llvm::xxh3_64bits(llvm::StringRef("aatail")));
  EXPECT_EQ(llvm::toStringRef(llvm::cantFail(store->verifiedBytes(range))), "aatail");
  store->release(llvm::cantFail(store->bytes({0, 0, 100004, 0})));
  EXPECT_EQ(llvm::toStringRef(llvm::cantFail(store->verifiedBytes(range))), "aatail");
  EXPECT_TRUE(llvm::cantFail(store->bytes({1, 0, 0, 0})).empty());
}

TEST_F(WeightStoreTest, RefusesRangesThatAreNotInTheFile) {
  auto store = open({"a.bin"});
  auto error = [&](FileRange range) { return llvm::toString(store->verifiedBytes(range).takeError()); };
  EXPECT_EQ(error({1, 0, 1, 0}), "file 1 is not among the model's 1 files");
  EXPECT_EQ(error({0, 100000, 5, 0}),
            "bytes 100000 to 100000 + 5 lie beyond the end of 'a.bin', which has 100004 bytes");
  EXPECT_THAT(error({0, UINT64_MAX, 2, 0}), HasSubstr("beyond the end"));
  EXPECT_THAT(error({0, 2, UINT64_MAX, 0}), HasSubstr("beyond the end"));
  EXPECT_THAT(error({0, 0, 4, 0x12}),
              HasSubstr("expected 0x0000000000000012: the file is not the one that was imported"));
}

TEST_F(WeightStoreTest, RefusesFilesOutsideTheFolder) {
  EXPECT_EQ(openError({"../a.bin"}), "'../a.bin' leads out of the model's folder");
  EXPECT_EQ(openError({"/etc/passwd"}), "'/etc/passwd' leads out of the model's folder");
  EXPECT_EQ(openError({""}), "'' leads out of the model's folder");
  EXPECT_EQ(openError({"none.bin"}), "cannot read " + path("none.bin") + ": No such file or directory");
  EXPECT_EQ(openError({"."}), "cannot read " + path(".") + ": it is a folder");
}

} // namespace
