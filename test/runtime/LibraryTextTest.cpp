//===- LibraryTextTest.cpp - The C interface's text, misused ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tokenizer/Tokenizer.h"
#include "runtime/Library.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace phi;

namespace {

class LibraryText : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    auto result = phic::compileTokenizer(std::string(PHIC_TEST_DIR) + "/runtime/tokenizers/" + GetParam());
    ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
    compiled = std::move(*result);
    ASSERT_TRUE(openTokenizer(compiled.tables.data(), compiled.tables.size(), &own.tokenizer));
  }
  const phi_model *model() const { return &own.open.model; }

  phic::CompiledTokenizer compiled;
  LibraryModel own = {};
};

// The caller's memory: what no call has left there is a text's start, never a place to write beyond.
TEST_P(LibraryText, ADecoderMayHoldAnyBytes) {
  const size_t most = decodeBound(own.tokenizer);
  constexpr char kMark = 0x55;
  std::string text(most + 64, kMark);
  for (int byte = 0; byte < 256; ++byte) {
    phi_decoder decoder;
    std::memset(&decoder, byte, sizeof(decoder));
    for (uint32_t id = 0; id < compiled.idLimit; id += 1 + compiled.idLimit / 2048) {
      ASSERT_LE(piece(model(), &decoder, int32_t(id), text.data()), most);
      std::memset(decoder.state, byte, sizeof(decoder.state));
    }
    ASSERT_LE(pieceEnd(model(), &decoder, text.data()), most);
    ASSERT_EQ(text.find_first_not_of(kMark, most), std::string::npos) << "bytes of " << byte;
  }
}

TEST_P(LibraryText, WorkMemoryDoesNotWrapAround) {
  for (size_t count : {SIZE_MAX, SIZE_MAX / 3 + 1, size_t(1) << 62, (size_t(1) << 31) + 1}) {
    EXPECT_EQ(encodeWork(model(), count, 0), SIZE_MAX);
    EXPECT_EQ(encodeWork(model(), 1, count), SIZE_MAX);
  }
  const size_t bytes = encodeWork(model(), 5, 0);
  std::vector<uint64_t> work(bytes / 8 + 1);
  int32_t ids[16];
  EXPECT_GT(encodeText(model(), "hello", 5, 0, ids, 16, work.data(), bytes), 0);
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, LibraryText, testing::Values("spm", "smollm"));

} // namespace
