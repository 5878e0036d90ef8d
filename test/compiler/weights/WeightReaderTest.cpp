//===- WeightReaderTest.cpp - Every layout reads bit-exactly ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/WeightReader.h"
#include "compiler/files/Json.h"
#include "compiler/weights/StoredRows.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Numerics.h"
#include "dialects/phiq/Phiq.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstring>
#include <random>

using namespace phic;
using namespace llvm;

namespace {

std::vector<uint8_t> bytesOfHex(StringRef hex) {
  std::string text = fromHex(hex);
  return {text.begin(), text.end()};
}

const GgufType *ggufTypeByName(StringRef name) {
  for (uint32_t id = 0; id < 64; ++id)
    if (const GgufType *type = ggufTypeById(id); type && name.equals_insensitive(type->name))
      return type;
  return nullptr;
}

/// A GGUF row dequantizes to exactly these bytes.
void expectRow(const GgufType &type, int64_t elements, StringRef stored, StringRef floats) {
  std::vector<uint8_t> bytes = bytesOfHex(stored);
  WeightSpec spec;
  spec.storedAs = type.layout;
  spec.rows = 1;
  spec.columns = elements;
  spec.element = type.format.scale;
  if (!type.isFloat)
    spec.format = type.format;
  spec.ranges.push_back(bytes);
  auto reader = cantFail(WeightReader::create(spec));
  std::vector<float> values(elements);
  reader->dequantizeRows(0, 1, values.data());
  EXPECT_EQ(toHex({reinterpret_cast<uint8_t *>(values.data()), values.size() * 4}, /*LowerCase=*/true), floats)
      << type.name.data();
}

TEST(WeightReader, GgufBlocksEqualGgml) {
  auto file = cantFail(errorOrToExpected(MemoryBuffer::getFile(PHIC_TEST_DIR "/compiler/weights/gguf_blocks.txt")));
  SmallVector<StringRef> lines;
  file->getBuffer().split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  EXPECT_EQ(lines.size(), 9u);
  for (StringRef line : lines) {
    SmallVector<StringRef> fields;
    line.split(fields, ' ');
    const GgufType *type = ggufTypeByName(fields[0]);
    ASSERT_TRUE(type) << fields[0].str();
    int64_t elements = 0;
    ASSERT_FALSE(fields[1].getAsInteger(10, elements));
    expectRow(*type, elements, fields[2], fields[3]);
  }
}

TEST(WeightReader, SharedGgufVectors) {
  auto file = MemoryBuffer::getFile(PHIC_TEST_DIR "/../../shared/specs/vectors/gguf_blocks.json");
  if (!file)
    GTEST_SKIP() << "[SKIP] no ../shared";
  Json vectors = cantFail(parseJson((*file)->getBuffer(), "vectors"));
  int checked = 0;
  for (auto &[name, value] : vectors.items())
    if (const GgufType *type = ggufTypeByName(StringRef(name))) {
      expectRow(*type, type->blockElements, stringOr(value, "block_hex", ""), stringOr(value, "f32_le_hex", ""));
      ++checked;
    }
  EXPECT_EQ(checked, 9);
}

//===----------------------------------------------------------------------===//
// ONNX layouts: packed here by the plainest code, read back
//===----------------------------------------------------------------------===//

/// A weight whose every number is known: what readers must give.
struct Weight {
  int64_t rows, columns;
  BlockFormat format;
  std::vector<BlockRow> numbers;

  int64_t blocks() const { return (columns + format.block - 1) / format.block; }
};

Weight randomWeight(int64_t rows, int64_t columns, const char *format) {
  Weight weight{rows, columns, *BlockFormat::parse(format, nullptr), {}};
  std::mt19937 random(3);
  int32_t least = leastCode(weight.format.codes), count = greatestCode(weight.format.codes) - least + 1;
  auto code = [&] { return least + int32_t(random() % count); };
  for (int64_t n = 0; n < rows; ++n) {
    BlockRow row;
    for (int64_t k = 0; k < columns; ++k)
      row.codes.push_back(int16_t(code()));
    for (int64_t b = 0; b < weight.blocks(); ++b) {
      row.scale.push_back(roundTo(weight.format.scale, float(int32_t(random())) * 0x1p-34f));
      bool fraction = isFloat(weight.format.zero);
      row.zero.push_back(weight.format.zero == Scalar::None ? float(weight.format.zeroConstant)
                                                            : float(code()) + (fraction ? 0.25f : 0.0f));
      row.min.push_back(0);
    }
    weight.numbers.push_back(row);
  }
  return weight;
}

/// Appends numbers bit by bit, low bits first: the definition of "packed", not its fast form.
struct BitWriter {
  std::vector<uint8_t> bytes;
  uint64_t used = 0;
  void put(int64_t value, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i, ++used) {
      if (used % 8 == 0)
        bytes.push_back(0);
      bytes.back() |= uint8_t((value >> i & 1) << used % 8);
    }
  }
  void putScalar(Scalar type, float value) {
    if (type == Scalar::F32)
      put(std::bit_cast<uint32_t>(value), 32);
    else if (isFloat(type))
      put(type == Scalar::F16 ? floatToHalf(value) : floatToBfloat(value), 16);
    else
      put(int64_t(value), scalarBits(type));
  }
  void align() { used = bytes.size() * 8; }
};

using Ranges = std::array<BitWriter, 3>;

Ranges packNBits(const Weight &weight) {
  Ranges ranges;
  for (const BlockRow &row : weight.numbers) {
    int64_t padded = weight.blocks() * weight.format.block;
    for (int64_t k = 0; k < padded; ++k)
      ranges[0].put(k < weight.columns ? row.codes[k] : 5, weight.format.codes.bits);
    for (int64_t b = 0; b < weight.blocks(); ++b) {
      ranges[1].putScalar(weight.format.scale, row.scale[b]);
      ranges[2].putScalar(weight.format.zero, row.zero[b]);
    }
    ranges[2].align();
  }
  return ranges;
}

Ranges packQdq(const Weight &weight, bool transposed) {
  Ranges ranges;
  auto each = [&](int64_t inner, auto put) {
    for (int64_t i = 0; i < (transposed ? inner : weight.rows); ++i)
      for (int64_t j = 0; j < (transposed ? weight.rows : inner); ++j)
        transposed ? put(weight.numbers[j], i) : put(weight.numbers[i], j);
  };
  each(weight.columns, [&](const BlockRow &row, int64_t k) { ranges[0].put(row.codes[k], weight.format.codes.bits); });
  each(weight.blocks(), [&](const BlockRow &row, int64_t b) {
    ranges[1].putScalar(weight.format.scale, row.scale[b]);
    ranges[2].putScalar(weight.format.zero, row.zero[b]);
  });
  return ranges;
}

WeightSpec specOf(const Weight &weight, StorageLayout layout, const Ranges &ranges) {
  WeightSpec spec;
  spec.storedAs = layout;
  spec.rows = weight.rows;
  spec.columns = weight.columns;
  spec.format = weight.format;
  for (const BitWriter &range : ranges)
    if (!range.bytes.empty())
      spec.ranges.push_back(range.bytes);
  return spec;
}

void expectReadsBack(const Weight &weight, StorageLayout layout, const Ranges &ranges) {
  auto reader = cantFail(WeightReader::create(specOf(weight, layout, ranges)));
  // All at once, and from a row in the middle.
  for (int64_t n0 : {int64_t(0), weight.rows / 2}) {
    int64_t count = weight.rows - n0;
    std::vector<BlockRow> rows(count);
    reader->readRows(n0, count, rows.data());
    std::vector<float> values(count * weight.columns), expected(weight.columns);
    reader->dequantizeRows(n0, count, values.data());
    for (int64_t r = 0; r < count; ++r) {
      const BlockRow &number = weight.numbers[n0 + r];
      EXPECT_EQ(rows[r].codes, number.codes) << weight.format.str();
      EXPECT_EQ(rows[r].scale, number.scale) << weight.format.str();
      EXPECT_EQ(rows[r].zero, number.zero) << weight.format.str();
      dequantizeRow(number, weight.format, expected.data());
      EXPECT_EQ(memcmp(expected.data(), &values[r * weight.columns], expected.size() * 4), 0);
    }
  }
}

TEST(WeightReader, NBits) {
  for (const char *format :
       {"u4, 32, scale = f32, zero = 8", "u4, 16, scale = f16, zero = u4", "u8, 32, scale = f32, zero = u8",
        "u4, 64, scale = bf16, zero = f32", "u8, 128, scale = f32, zero = 128", "u2, 16, scale = f32, zero = 2",
        "u5, 32, scale = f16, zero = 16", "u4, 32, scale = f16, zero = f16"})
    for (int64_t columns : {64, 80, 33, 7}) {
      Weight weight = randomWeight(21, columns, format);
      expectReadsBack(weight, StorageLayout::NBits, packNBits(weight));
    }
}

TEST(WeightReader, Qdq) {
  for (const char *format : {"s4, 32, scale = f32", "u4, 16, scale = f16, zero = u4", "s8, 32, scale = f32, zero = s8",
                             "s4, 16, scale = f32, zero = s4", "u8, 1000, scale = f32, zero = u8"})
    for (int64_t columns : {64, 80, 33, 7}) {
      Weight weight = randomWeight(21, columns, format);
      expectReadsBack(weight, StorageLayout::QdqNK, packQdq(weight, /*transposed=*/false));
      expectReadsBack(weight, StorageLayout::QdqKN, packQdq(weight, /*transposed=*/true));
    }
}

TEST(WeightReader, QdqWithOneScaleForAll) {
  Weight weight = randomWeight(5, 40, "u8, 40, scale = f32, zero = u8");
  for (BlockRow &row : weight.numbers)
    row.scale = {0.5f}, row.zero = {3};
  for (bool transposed : {false, true}) {
    Ranges ranges = packQdq(weight, transposed);
    ranges[1].bytes.resize(4);
    ranges[2].bytes.resize(1);
    expectReadsBack(weight, transposed ? StorageLayout::QdqKN : StorageLayout::QdqNK, ranges);
  }
}

TEST(WeightReader, KernelsHaveTheirChannelsLast) {
  constexpr int64_t rows = 3, channels = 2, pixels = 4, columns = channels * pixels;
  for (Scalar type : {Scalar::F32, Scalar::I8, Scalar::U8}) {
    std::vector<uint8_t> bytes;
    for (int64_t i = 0; i < rows * columns; ++i) {
      const auto number = float(type == Scalar::I8 ? i - 12 : i + 200);
      const auto *stored = reinterpret_cast<const uint8_t *>(&number);
      type == Scalar::F32 ? (void)bytes.insert(bytes.end(), stored, stored + 4) : bytes.push_back(uint8_t(int(number)));
    }
    WeightSpec spec;
    spec.storedAs = StorageLayout::DenseOIHW;
    spec.rows = rows;
    spec.columns = columns;
    spec.channels = channels;
    spec.element = type;
    spec.ranges.push_back(bytes);
    auto reader = cantFail(WeightReader::create(spec));
    float values[2 * columns];
    reader->dequantizeRows(1, 2, values);
    for (int64_t n = 0; n < 2; ++n)
      for (int64_t p = 0; p < pixels; ++p)
        for (int64_t c = 0; c < channels; ++c) {
          const int64_t at = (n + 1) * columns + c * pixels + p;
          EXPECT_EQ(values[n * columns + p * channels + c], float(type == Scalar::I8 ? at - 12 : at + 200));
        }
  }
}

TEST(WeightReader, DenseBothWays) {
  constexpr int64_t rows = 5, columns = 3;
  for (Scalar type : {Scalar::F32, Scalar::F16, Scalar::BF16})
    for (bool transposed : {false, true}) {
      BitWriter bytes;
      for (int64_t i = 0; i < rows * columns; ++i)
        bytes.putScalar(type, float(i) / 4);
      WeightSpec spec;
      spec.storedAs = transposed ? StorageLayout::DenseKN : StorageLayout::DenseNK;
      spec.rows = rows;
      spec.columns = columns;
      spec.element = type;
      spec.ranges.push_back(bytes.bytes);
      auto reader = cantFail(WeightReader::create(spec));
      EXPECT_EQ(reader->format(), nullptr);
      float values[2 * columns];
      reader->dequantizeRows(3, 2, values);
      for (int64_t n = 0; n < 2; ++n)
        for (int64_t k = 0; k < columns; ++k)
          EXPECT_EQ(values[n * columns + k], float(transposed ? k * rows + n + 3 : (n + 3) * columns + k) / 4);
    }
}

TEST(WeightReader, RefusesRangesOfTheWrongLength) {
  Weight weight = randomWeight(4, 64, "u4, 32, scale = f32, zero = 8");
  Ranges ranges = packNBits(weight);
  ranges[1].bytes.pop_back();
  EXPECT_EQ(toString(WeightReader::create(specOf(weight, StorageLayout::NBits, ranges)).takeError()),
            "range 1 has 31 bytes, layout 'nbits' of this type asks for 32");
}

//===----------------------------------------------------------------------===//
// phic's own rows
//===----------------------------------------------------------------------===//

/// What round to nearest makes of random rows, written and read again; odd lengths leave half bytes and short blocks.
void expectStoredRowsRead(StringRef text, int64_t columns) {
  BlockFormat format = *BlockFormat::parse(text, nullptr);
  constexpr int64_t kRows = 3;
  const uint64_t rowBytes = phicRowBytes(format, uint64_t(columns)).all();
  std::vector<uint8_t> bytes(kRows * rowBytes, 0xff);
  std::vector<BlockRow> written(kRows), read(kRows);
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 1);
  for (int64_t r = 0; r < kRows; ++r) {
    std::vector<float> values(size_t(columns), 0.0f);
    for (float &value : values)
      value = normal(random);
    quantizeWeightRow(values.data(), columns, format, written[size_t(r)]);
    storeRow(written[size_t(r)], format, bytes.data() + uint64_t(r) * rowBytes);
  }
  WeightSpec spec;
  spec.storedAs = StorageLayout::PhicRows;
  spec.rows = kRows;
  spec.columns = columns;
  spec.format = format;
  spec.ranges.push_back(bytes);
  cantFail(WeightReader::create(spec))->readRows(0, kRows, read.data());
  for (int64_t r = 0; r < kRows; ++r) {
    const BlockRow &want = written[size_t(r)], &got = read[size_t(r)];
    EXPECT_EQ(got.codes, want.codes) << text.str();
    EXPECT_EQ(got.scale, want.scale) << text.str();
    EXPECT_EQ(got.zero, want.zero) << text.str();
    EXPECT_EQ(got.min, want.min) << text.str();
  }
}

TEST(WeightReader, ReadsWhatStoredRowsWrite) {
  for (const char *format : {"u4, 32, scale = f16, zero = 8", "u4, 32, scale = f32, zero = u4", "s8, 16, scale = f16",
                             "u8, 64, scale = bf16, zero = u8", "u4, 32, scale = f16, min = f16",
                             "u5, 32, scale = f16, zero = 16", "u3, 48, scale = f16, zero = 4", "s4, 32, scale = f16"})
    for (int64_t columns : {64, 96, 77})
      expectStoredRowsRead(format, columns);
}

TEST(WeightReader, ReadsStoredFloats) {
  const float values[] = {1, -0.0f, 0.333251953125f, 65504, 6.103515625e-05f, -2.5f};
  for (Scalar type : {Scalar::F32, Scalar::F16}) {
    std::vector<uint8_t> bytes(6 * scalarBits(type) / 8);
    storeFloats(type, values, 6, bytes.data());
    WeightSpec spec;
    spec.rows = 2;
    spec.columns = 3;
    spec.element = type;
    spec.ranges.push_back(bytes);
    float read[6];
    cantFail(WeightReader::create(spec))->dequantizeRows(0, 2, read);
    EXPECT_EQ(std::memcmp(read, values, sizeof(values)), 0);
  }
}

//===----------------------------------------------------------------------===//
// From the op
//===----------------------------------------------------------------------===//

TEST(WeightReader, FromTheOp) {
  SmallString<128> directory;
  ASSERT_FALSE(sys::fs::createUniqueDirectory("phic-reader", directory));
  const float numbers[] = {1, 2, 3, 4, 5, 6};
  StringRef bytes(reinterpret_cast<const char *>(numbers), sizeof numbers);
  std::error_code error;
  raw_fd_ostream((directory + "/w.bin").str(), error) << bytes;
  auto store = cantFail(WeightStore::open(directory, {"w.bin"}));

  mlir::MLIRContext context;
  context.loadDialect<phiq::PhiqDialect>();
  auto create = [&](uint64_t hash, uint64_t length) {
    std::string text =
        formatv("phiq.weight \"w\" layout = \"dense_nk\" [#phiq.range<file = 0, offset = 0, length = {0}, "
                "hash = {1}>] : tensor<2x3xf32>",
                length, hash);
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context, /*verify=*/false));
    return WeightReader::create(*module->getOps<phiq::WeightOp>().begin(), *store);
  };
  auto reader = cantFail(create(xxh3_64bits(bytes), 24));
  float values[6];
  reader->release(0, 2);
  reader->dequantizeRows(0, 2, values);
  EXPECT_THAT(values, testing::ElementsAreArray(numbers));
  EXPECT_THAT(toString(create(1, 24).takeError()),
              testing::StartsWith("weight 'w': bytes 0 to 0 + 24 of 'w.bin' have hash"));
  EXPECT_THAT(toString(create(1, 25).takeError()), testing::HasSubstr("beyond the end"));
  sys::fs::remove_directories(directory);
}

} // namespace
