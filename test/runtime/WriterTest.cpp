//===- WriterTest.cpp - Numbers in and out -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Writer.h"
#include "gtest/gtest.h"
#include <functional>
#include <string>
#include <unistd.h>

using namespace phi;

namespace {

std::string written(const std::function<void(Writer &)> &write) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  {
    Writer writer(ends[1]);
    write(writer);
  }
  close(ends[1]);
  std::string all;
  char bytes[4096];
  for (ssize_t got; (got = read(ends[0], bytes, sizeof(bytes))) > 0;)
    all.append(bytes, size_t(got));
  close(ends[0]);
  return all;
}

TEST(Writer, Integers) {
  EXPECT_EQ(written([](Writer &w) { w << 0 << ' ' << -7 << ' ' << INT64_MIN << ' ' << UINT64_MAX; }),
            "0 -7 -9223372036854775808 18446744073709551615");
}

TEST(Writer, Decimals) {
  auto fixed = [](double number, int decimals) { return written([&](Writer &w) { w.fixed(number, decimals); }); };
  EXPECT_EQ(fixed(0.0123456, 6), "0.012346");
  EXPECT_EQ(fixed(-1.5, 1), "-1.5");
  EXPECT_EQ(fixed(0.96, 1), "1.0");
  EXPECT_EQ(fixed(12, 0), "12");
  EXPECT_EQ(fixed(0.05, 2), "0.05");
}

TEST(Writer, LongTexts) {
  std::string text(3000, 'x');
  EXPECT_EQ(written([&](Writer &w) { w << "a" << Text(text.data(), text.size()) << "b"; }), "a" + text + "b");
}

TEST(Writer, JsonStrings) {
  EXPECT_EQ(written([](Writer &w) { w.quoted("a\"b\\c\n\x01\xc3\xa9"); }), "\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa9\"");
}

TEST(Writer, FailureIsTold) {
  Writer writer(-1);
  writer << "x";
  EXPECT_FALSE(writer.flush());
}

TEST(Parse, Integers) {
  int64_t number;
  EXPECT_TRUE(parseInteger("-42", &number));
  EXPECT_EQ(number, -42);
  EXPECT_TRUE(parseInteger("9223372036854775807", &number));
  for (const char *bad : {"", "-", "12x", " 1", "1.0", "9223372036854775808", "+1"})
    EXPECT_FALSE(parseInteger(bad, &number)) << bad;
}

TEST(Parse, Decimals) {
  double number;
  for (const char *good : {"0", "0.7", "1e-3", "2.5E2", ".5", "1.", "123456.789", "-0.25"}) {
    ASSERT_TRUE(parseDecimal(good, &number)) << good;
    EXPECT_EQ(number, std::stod(good)) << good;
  }
  for (const char *bad : {"", ".", "-", "1.2.3", "abc", "1e", "nan", "1e999", "0x1", "1 "})
    EXPECT_FALSE(parseDecimal(bad, &number)) << bad;
}

} // namespace
