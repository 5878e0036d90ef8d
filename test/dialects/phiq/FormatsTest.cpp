//===- FormatsTest.cpp - Formats print and parse ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/Formats.h"
#include "dialects/phiq/Phiq.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace phic;

namespace {

const char *const kFormats[] = {
    "u4, 32, scale = f16, zero = 8",
    "u4, 32, scale = f16, min = f16",
    "u4, 128, scale = f32, zero = u4",
    "u4, 64, scale = f32, zero = f32",
    "u8, 32, scale = f16, zero = 128",
    "s8, 32, scale = f32",
    "s4, 16, scale = bf16, zero = s4",
    "s8, 576, scale = f32, zero = -3",
    "u4, 32, scale = f16 * u6, min = f16 * u6",
    "u6, 16, scale = f16 * s8, zero = 32",
};

TEST(Formats, RoundTrip) {
  for (const char *text : kFormats) {
    std::string error;
    std::optional<BlockFormat> format = BlockFormat::parse(text, &error);
    ASSERT_TRUE(format) << text << ": " << error;
    EXPECT_EQ(format->str(), text);
    EXPECT_EQ(BlockFormat::parse(format->str(), &error), format);
  }
}

TEST(Formats, FieldsOfATwoLevelFormat) {
  BlockFormat format = *BlockFormat::parse("u6, 16, scale = f16 * s8, zero = 32", nullptr);
  BlockFormat expected{{6, false}, 16, Scalar::F16, 8, true, Scalar::None, 32, Scalar::None};
  EXPECT_EQ(format, expected);
}

TEST(Formats, ErrorsNameWhatWasFound) {
  const std::pair<const char *, const char *> cases[] = {
      {"", "expected the codes as uN or sN with N in 2..8, found the end"},
      {"u9, 32, scale = f16", "expected the codes as uN or sN with N in 2..8, found 'u9, 32, scale = f16'"},
      {"u4, 0, scale = f16", "expected a block size of at least 1, found '0, scale = f16'"},
      {"u4, 99999999999, scale = f16", "expected a block size of at least 1, found '99999999999, scale = f16'"},
      {"u4, 32", "expected ',', found the end"},
      {"u4, 32, scale = u4", "expected the scale as f32, f16 or bf16, found 'u4'"},
      {"u4, 32, scale = f16, zero = x", "expected the zero point as an integer in -256..256 or one "
                                        "of u4, u8, s4, s8, f16, bf16, f32, found 'x'"},
      {"u4, 32, scale = f16 * u6, min = f16", "expected '*', found the end"},
      {"u4, 32, scale = f16 * u6, min = f16 * u4", "expected '* u6', as the scale is two-level, found 'u4'"},
      {"u4, 32, scale = f16, max = f16",
       "expected the end, or ', zero = ...' before ', min = ...', found ', max = f16'"},
      {"u4, 32, scale = f16, zero = 0", "spell 'u4, 32, scale = f16, zero = 0' as 'u4, 32, scale = f16'"},
  };
  for (auto [text, message] : cases) {
    std::string error;
    EXPECT_FALSE(BlockFormat::parse(text, &error)) << text;
    EXPECT_EQ(error, message);
  }
}

TEST(Formats, BitsPerWeight) {
  auto bits = [](const char *text) { return BlockFormat::parse(text, nullptr)->bitsPerWeight(); };
  EXPECT_EQ(bits("u4, 32, scale = f16, zero = 8"), 4.5);
  EXPECT_EQ(bits("u4, 32, scale = f16, min = f16"), 5.0);
  EXPECT_EQ(bits("u4, 32, scale = f32, zero = u4"), 5.125);
  EXPECT_EQ(bits("u4, 32, scale = f16 * u6, min = f16 * u6"), 4.5);
  EXPECT_EQ(bits("u6, 16, scale = f16 * s8, zero = 32"), 6.5625);
}

// The bytes of a stored block are the bits per weight that its format claims.
TEST(Formats, GgufBlockBytesFollowFromTheFormat) {
  int readable = 0;
  for (uint32_t id = 0; id < 64; ++id) {
    const GgufType *type = ggufTypeById(id);
    if (!type)
      continue;
    ++readable;
    EXPECT_EQ(ggufTypeName(id), type->name);
    double bits = type->isFloat ? scalarBits(type->format.scale) : type->format.bitsPerWeight();
    EXPECT_EQ(type->blockBytes * 8, type->blockElements * bits) << type->name;
  }
  EXPECT_EQ(readable, 12);
  EXPECT_EQ(ggufTypeName(13), "Q5_K");
  EXPECT_EQ(ggufTypeName(16), "IQ2_XXS");
  EXPECT_EQ(ggufTypeName(31), "type 31");
}

TEST(Formats, StorageLayoutNames) {
#define PHIC_STORAGE_LAYOUT(ENUM, NAME, READER, RANGES, DESCRIPTION)                                                   \
  EXPECT_EQ(storageLayoutName(StorageLayout::ENUM), NAME);                                                             \
  EXPECT_EQ(storageLayoutByName(NAME), StorageLayout::ENUM);
#include "dialects/phiq/Formats.def"
  EXPECT_EQ(storageLayoutByName("gguf"), std::nullopt);
}

TEST(Formats, StorageIsChecked) {
  auto check = [](StorageLayout layout, const char *text, int64_t rows, int64_t columns,
                  std::vector<uint64_t> lengths) {
    BlockFormat format = *BlockFormat::parse(text, nullptr);
    return checkStorage(layout, &format, Scalar::None, rows, columns, lengths);
  };
  const char *u4 = "u4, 32, scale = f32, zero = u4", *s4 = "s4, 32, scale = f16";
  // K = 80 in blocks of 32: the last one is padded, and 3 zero points take 2 bytes a row.
  EXPECT_EQ(check(StorageLayout::NBits, u4, 5, 80, {5 * 3 * 16, 5 * 3 * 4, 5 * 2}), "");
  EXPECT_EQ(check(StorageLayout::NBits, u4, 5, 80, {5 * 3 * 16, 5 * 3 * 4}),
            "layout 'nbits' of this type names 3 ranges, found 2");
  EXPECT_EQ(check(StorageLayout::NBits, u4, 5, 80, {5 * 3 * 16, 4, 5 * 2}),
            "range 1 has 4 bytes, layout 'nbits' of this type asks for 60");
  EXPECT_EQ(check(StorageLayout::NBits, s4, 5, 80, {0, 0}), "block<s4, 32, scale = f16> cannot be stored as 'nbits'");
  // Flat packing: 5 * 81 nibbles end in the middle of a byte; one scale may stand for all.
  EXPECT_EQ(check(StorageLayout::QdqKN, s4, 5, 81, {203, 5 * 3 * 2}), "");
  EXPECT_EQ(check(StorageLayout::QdqKN, s4, 5, 81, {203, 2}), "");
  // A single scale needs a single zero point.
  const char *u8 = "u8, 32, scale = f32, zero = u8";
  EXPECT_EQ(check(StorageLayout::QdqNK, u8, 4, 64, {256, 4, 1}), "");
  EXPECT_EQ(check(StorageLayout::QdqNK, u8, 4, 64, {256, 32, 1}),
            "range 2 has 1 bytes, layout 'qdq_nk' of this type asks for 8");
  EXPECT_EQ(check(StorageLayout::GgufQ4_0, "u4, 32, scale = f16, zero = 8", 2, 64, {2 * 2 * 18}), "");
  EXPECT_EQ(check(StorageLayout::GgufQ4_0, "u4, 32, scale = f16, zero = 8", 2, 48, {54}),
            "'gguf_q4_0' stores whole blocks of 32, found rows of 48");
  EXPECT_EQ(check(StorageLayout::GgufQ4_0, s4, 2, 64, {72}),
            "'gguf_q4_0' stores block<u4, 32, scale = f16, zero = 8>, found block<s4, 32, scale = f16>");
  EXPECT_EQ(check(StorageLayout::GgufQ4_0, "u4, 32, scale = f16, zero = 8", INT64_MAX, 64, {72}),
            "range 0 has 72 bytes, layout 'gguf_q4_0' of this type asks for 18446744073709551615");
  EXPECT_EQ(checkStorage(StorageLayout::DenseNK, nullptr, Scalar::F16, 3, 5, {30}), "");
  EXPECT_EQ(checkStorage(StorageLayout::GgufQ4_0, nullptr, Scalar::F16, 3, 5, {30}),
            "'gguf_q4_0' stores a block format, found f16");
}

class PhiqParser : public testing::Test {
protected:
  PhiqParser() { context.loadDialect<phiq::PhiqDialect>(); }

  /// The diagnostics of parsing `source`.
  std::string errorsOf(const std::string &source) {
    std::string text;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      text += diagnostic.str() + "\n";
      return mlir::success();
    });
    EXPECT_FALSE(mlir::parseSourceString<mlir::ModuleOp>(source, &context));
    return text;
  }

  mlir::MLIRContext context;
};

std::string print(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

TEST_F(PhiqParser, TypesRoundTrip) {
  std::string source = "module {\n";
  for (const char *format : kFormats)
    source += "  %w" + std::to_string(source.size()) +
              " = phiq.weight \"w\" layout = \"gguf_q4_0\" [#phiq.range<file = 1, offset = 4096, "
              "length = 7680, hash = 0xfedcba9876543210>] : tensor<96x256x!phiq.block<" +
              format + ">>\n";
  source += "}\n";
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(source, mlir::ParserConfig(&context, /*verify=*/false));
  ASSERT_TRUE(module);
  std::string printed = print(*module);
  for (const char *format : kFormats)
    EXPECT_NE(printed.find("tensor<96x256x!phiq.block<" + std::string(format) + ">>"), std::string::npos)
        << format << " in\n"
        << printed;
  EXPECT_NE(printed.find("hash = 0xfedcba9876543210>"), std::string::npos) << printed;

  mlir::OwningOpRef<mlir::ModuleOp> again =
      mlir::parseSourceString<mlir::ModuleOp>(printed, mlir::ParserConfig(&context, /*verify=*/false));
  ASSERT_TRUE(again);
  EXPECT_EQ(print(*again), printed);
}

TEST_F(PhiqParser, EqualTextIsTheSameType) {
  auto type = [&](const char *text) { return phiq::BlockType::get(&context, *BlockFormat::parse(text, nullptr)); };
  EXPECT_EQ(type(kFormats[0]), type(kFormats[0]));
  EXPECT_NE(type("u6, 16, scale = f16 * s8, zero = 32"), type("u6, 16, scale = f16 * u8, zero = 32"));
}

TEST_F(PhiqParser, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(errorsOf("module attributes {a = !phiq.block<u4, 32, scale = u4>} {}"),
            "expected the scale as f32, f16 or bf16, found 'u4'\n");
  EXPECT_EQ(errorsOf("module attributes {a = !phiq.block<u4, \"x\">} {}"), "expected a block format\n");
}

} // namespace
