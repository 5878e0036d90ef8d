//===- NpyTest.cpp - Files that NumPy writes, and others -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Npy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

/// As NumPy writes it: np.save of such an array.
std::string fileOf(llvm::StringRef dict, size_t dataBytes) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file += char(dict.size() & 0xff);
  file += char(dict.size() >> 8);
  return file + dict.str() + std::string(dataBytes, '\x01');
}

std::string errorOf(const std::string &file) {
  llvm::Expected<NpyContents> contents = readNpy(file);
  return contents ? "" : llvm::toString(contents.takeError());
}

TEST(Npy, ReadsWhatNumpyWrites) {
  const std::string file = fileOf("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }   \n", 48);
  NpyContents contents = llvm::cantFail(readNpy(file));
  EXPECT_EQ(contents.descr, "<i8");
  EXPECT_THAT(contents.shape, ElementsAre(2, 3));
  EXPECT_EQ(contents.elements(), 6u);
  EXPECT_EQ(contents.elementBytes(), 8u);
  EXPECT_EQ(contents.data.size(), 48u);
  const std::string vector = fileOf("{'descr': '|u1', 'fortran_order': True, 'shape': (5,), }\n", 5);
  EXPECT_THAT(llvm::cantFail(readNpy(vector)).shape, ElementsAre(5));
  const std::string scalar = fileOf("{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 4);
  EXPECT_EQ(llvm::cantFail(readNpy(scalar)).elements(), 1u);
  const std::string nothing = fileOf("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0), }\n", 0);
  EXPECT_EQ(llvm::cantFail(readNpy(nothing)).elements(), 0u);
}

TEST(Npy, ReadsWhatItWrites) {
  const std::string file = npyHeader("<f4", {2, 1, 3}) + std::string(24, 'x');
  NpyContents contents = llvm::cantFail(readNpy(file));
  EXPECT_THAT(contents.shape, ElementsAre(2, 1, 3));
  EXPECT_EQ(contents.data, std::string(24, 'x'));
}

TEST(Npy, SaysWhatIsWrong) {
  EXPECT_EQ(errorOf(""), "is no .npy file of version 1.0");
  EXPECT_EQ(errorOf("\x93NUMPY\x02"), "is no .npy file of version 1.0");
  EXPECT_THAT(errorOf(fileOf("{'shape': (), }", 0)), HasSubstr("as NumPy writes them"));
  EXPECT_THAT(errorOf(fileOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2, x), }", 8)), HasSubstr("as NumPy"));
  EXPECT_THAT(errorOf(fileOf("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", 8)), HasSubstr("as NumPy"));
  EXPECT_THAT(errorOf(fileOf("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }", 8)), HasSubstr("Fortran"));
  EXPECT_THAT(errorOf(fileOf("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", 8)),
              HasSubstr("no fixed size"));
  EXPECT_EQ(errorOf(fileOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 7)),
            "has 7 bytes of data, not 8");
  EXPECT_THAT(errorOf(fileOf("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0)),
              HasSubstr("has 0 bytes of data"));
  std::string cut = fileOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 0);
  EXPECT_THAT(errorOf(cut.substr(0, 30)), HasSubstr("as NumPy writes them"));
}

} // namespace
