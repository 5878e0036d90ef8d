//===- InflateTest.cpp - Compressed bytes ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Inflate.h"
#include "llvm/Support/Compression.h"
#include "gtest/gtest.h"
#include <random>

using namespace llvm;

namespace {

using Bytes = std::vector<uint8_t>;

SmallVector<uint8_t, 0> compressed(const Bytes &bytes, int level = compression::zlib::BestSizeCompression) {
  SmallVector<uint8_t, 0> packed;
  compression::zlib::compress(bytes, packed, level);
  return packed;
}

bool comesBack(const Bytes &bytes, int level = compression::zlib::BestSizeCompression) {
  const auto packed = compressed(bytes, level);
  Bytes out(bytes.size() + 1, 0xee);
  return phi::inflate(packed.data(), packed.size(), out.data(), bytes.size()) && out.back() == 0xee &&
         std::equal(bytes.begin(), bytes.end(), out.begin());
}

Bytes text(size_t count) {
  Bytes bytes;
  for (size_t i = 0; bytes.size() < count; ++i)
    for (char c : "ld.global.nc.b32 %r" + std::to_string(i * i) + ", [%rd" + std::to_string(i % 77) + "];\n")
      bytes.push_back(uint8_t(c));
  return bytes;
}

TEST(Inflate, GivesBackWhatWasCompressed) {
  EXPECT_TRUE(comesBack({}));
  EXPECT_TRUE(comesBack({7})); // fixed codes
  EXPECT_TRUE(comesBack(text(300000)));
  EXPECT_TRUE(comesBack(Bytes(100000, 1))); // long copies of what is being written
  std::mt19937 random(1);
  Bytes noise(70000);
  for (uint8_t &byte : noise)
    byte = uint8_t(random());
  EXPECT_TRUE(comesBack(noise)); // stored blocks
  EXPECT_TRUE(comesBack(text(70000), compression::zlib::NoCompression));
}

TEST(Inflate, RefusesWhatIsCutOrOfAnotherSize) {
  const Bytes bytes = text(5000);
  const auto packed = compressed(bytes);
  Bytes out(bytes.size() + 10);
  EXPECT_FALSE(phi::inflate(packed.data(), packed.size(), out.data(), bytes.size() - 1));
  EXPECT_FALSE(phi::inflate(packed.data(), packed.size(), out.data(), bytes.size() + 1));
  for (size_t count = 0; count < packed.size() - 8; count += 7)
    EXPECT_FALSE(phi::inflate(packed.data(), count, out.data(), bytes.size())) << count;
}

/// Whatever the bytes are, nothing is written elsewhere (ASan's builds see to that) and it ends.
TEST(Inflate, StaysInBounds) {
  const Bytes bytes = text(5000);
  std::mt19937 random(2);
  for (int i = 0; i < 3000; ++i) {
    auto packed = compressed(bytes);
    for (int j = 0; j < 3; ++j)
      packed[2 + random() % (packed.size() - 2)] ^= uint8_t(1 << random() % 8);
    Bytes out(bytes.size() + 1, 0xee);
    phi::inflate(packed.data(), packed.size(), out.data(), bytes.size());
    ASSERT_EQ(out.back(), 0xee);
  }
}

} // namespace
