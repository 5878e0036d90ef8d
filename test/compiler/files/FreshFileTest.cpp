//===- FreshFileTest.cpp - Names that nobody had before ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/FreshFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <set>

using namespace phic;
namespace fs = llvm::sys::fs;

namespace {

class FreshFileTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(fs::createUniqueDirectory("phic-fresh", folder)); }
  void TearDown() override { fs::remove_directories(folder); }
  std::string stem() const { return folder.str().str() + "/x-"; }
  llvm::SmallString<128> folder;
};

TEST_F(FreshFileTest, EachHasANameOfItsOwn) {
  std::set<std::string> paths;
  for (int i = 0; i < 20; ++i) {
    auto file = createFreshFile(stem(), ".mlir");
    ASSERT_TRUE(bool(file)) << llvm::toString(file.takeError());
    *file->os << i;
    paths.insert(file->path);
  }
  EXPECT_EQ(paths.size(), 20u);
  int sum = 0;
  for (const std::string &path : paths) {
    EXPECT_TRUE(llvm::StringRef(path).starts_with(stem()) && llvm::StringRef(path).ends_with(".mlir")) << path;
    auto text = llvm::MemoryBuffer::getFile(path);
    ASSERT_TRUE(bool(text));
    sum += std::stoi((*text)->getBuffer().str());
  }
  EXPECT_EQ(sum, 190);
}

TEST_F(FreshFileTest, WhereNothingCanBeWrittenThatIsSaid) {
  auto file = createFreshFile(folder.str().str() + "/nowhere/x-", ".mlir");
  ASSERT_FALSE(bool(file));
  EXPECT_NE(llvm::toString(file.takeError()).find("cannot write"), std::string::npos);
}

} // namespace
