//===- Formats.cpp - Weight formats as data --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Printing and parsing of formats, and the tables of Formats.def by id and name.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Formats.h"
#include "dialects/phiq/TextCursor.h"
#include "dialects/phiq/BlockStorage.h"

#include <cassert>
#include <cctype>
#include <vector>

namespace phic {
namespace {

struct ScalarRow {
  Scalar scalar;
  std::string_view name;
  unsigned bits;
};
constexpr ScalarRow kScalars[] = {
    {Scalar::F32, "f32", 32}, {Scalar::F16, "f16", 16}, {Scalar::BF16, "bf16", 16},
    {Scalar::I8, "s8", 8},    {Scalar::U8, "u8", 8},    {Scalar::I4, "s4", 4},
    {Scalar::U4, "u4", 4},
};

std::string codeName(unsigned bits, bool isSigned) {
  return (isSigned ? "s" : "u") + std::to_string(bits);
}

/// Recursive-descent reader of the grammar in Dialect.td.
class FormatParser : public TextCursor {
public:
  using TextCursor::TextCursor;

  bool parseFormat(BlockFormat &format) {
    if (!parseCode("the codes", 2, format.codes) || !expect(",") || !parseBlock(format.block) ||
        !expect(",") || !expect("scale") || !expect("=") || !parseScale(format))
      return false;
    if (accept(", zero") && !(expect("=") && parseZero(format)))
      return false;
    if (accept(", min") && !(expect("=") && parseMin(format)))
      return false;
    return atEnd() || fail("the end, or ', zero = ...' before ', min = ...'");
  }

private:
  bool fail(const std::string &wanted) {
    return keep("expected " + wanted + ", found " + (rest.empty() ? "the end" : "'" + std::string(rest) + "'"));
  }

  bool expect(std::string_view token) {
    return accept(token) || fail("'" + std::string(token) + "'");
  }

  std::string_view peekWord() {
    skipSpace();
    size_t length = 0;
    while (length < rest.size() && (std::isalnum(uint8_t(rest[length])) || rest[length] == '-'))
      ++length;
    return rest.substr(0, length);
  }

  /// A decimal integer of at most nine digits: no field of a format is larger.
  static std::optional<int64_t> asInteger(std::string_view word) {
    bool negative = word.starts_with('-');
    if (negative)
      word.remove_prefix(1);
    if (word.empty() || word.size() > 9)
      return std::nullopt;
    int64_t value = 0;
    for (char digit : word) {
      if (digit < '0' || digit > '9')
        return std::nullopt;
      value = 10 * value + (digit - '0');
    }
    return negative ? -value : value;
  }

  bool parseCode(const char *what, int64_t leastBits, CodeType &code) {
    std::string_view word = peekWord();
    std::optional<int64_t> bits;
    if (word.starts_with('u') || word.starts_with('s'))
      bits = asInteger(word.substr(1));
    if (!bits || *bits < leastBits || *bits > 8)
      return fail(std::string(what) + " as uN or sN with N in " + std::to_string(leastBits) +
                  "..8");
    code = {uint8_t(*bits), word.front() == 's'};
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseBlock(int64_t &block) {
    std::string_view word = peekWord();
    std::optional<int64_t> value = asInteger(word);
    if (!value || *value < 1)
      return fail("a block size of at least 1");
    block = *value;
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseFloat(const char *what, Scalar &scalar) {
    std::string_view word = peekWord();
    std::optional<Scalar> found = scalarByName(word);
    if (!found || !isFloat(*found))
      return fail(std::string(what) + " as f32, f16 or bf16");
    scalar = *found;
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseScale(BlockFormat &format) {
    if (!parseFloat("the scale", format.scale))
      return false;
    CodeType sub;
    if (!accept("*"))
      return true;
    if (!parseCode("the sub-scale", 2, sub))
      return false;
    format.subScaleBits = sub.bits;
    format.subScaleSigned = sub.isSigned;
    return true;
  }

  bool parseZero(BlockFormat &format) {
    std::string_view word = peekWord();
    if (std::optional<Scalar> scalar = scalarByName(word)) {
      format.zero = *scalar;
    } else if (std::optional<int64_t> value = asInteger(word);
               value && *value >= -256 && *value <= 256) {
      format.zeroConstant = *value;
    } else {
      return fail(
          "the zero point as an integer in -256..256 or one of u4, u8, s4, s8, f16, bf16, f32");
    }
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseMin(BlockFormat &format) {
    if (!parseFloat("the minimum", format.min))
      return false;
    if (format.subScaleBits == 0)
      return true;
    std::string sub = "* " + codeName(format.subScaleBits, /*isSigned=*/false);
    return expect("*") &&
           (accept(sub.substr(2)) || fail("'" + sub + "', as the scale is two-level"));
  }
};

/// Saturating arithmetic on sizes: an overflow gives a length that no file has.
uint64_t times(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}
uint64_t bytesOfBits(uint64_t bits) { return bits / 8 + (bits % 8 != 0); }

/// The lengths of a weight's ranges: `full`, or `single` where one scale and zero point stand for
/// all rows and blocks (empty: not allowed).
struct StoredLengths {
  std::vector<uint64_t> full, single;
};

StoredLengths lengthsOfOnnx(StorageLayout layout, const BlockFormat &format, uint64_t rows,
                            uint64_t columns) {
  uint64_t blocks = columns / format.block + (columns % format.block != 0);
  uint64_t numbers = times(rows, blocks);
  uint64_t scale = scalarBits(format.scale) / 8, zeroBits = scalarBits(format.zero);
  if (layout == StorageLayout::NBits) {
    uint64_t blob = times(format.block, format.codes.bits) / 8;
    StoredLengths lengths{{times(numbers, blob), times(numbers, scale)}, {}};
    if (zeroBits)
      lengths.full.push_back(times(rows, bytesOfBits(times(blocks, zeroBits))));
    return lengths;
  }
  uint64_t codes = bytesOfBits(times(times(rows, columns), format.codes.bits));
  StoredLengths lengths{{codes, times(numbers, scale)}, {codes, scale}};
  if (zeroBits) {
    lengths.full.push_back(bytesOfBits(times(numbers, zeroBits)));
    lengths.single.push_back(bytesOfBits(zeroBits));
  }
  return lengths;
}

std::string checkLengths(const std::string &name, const StoredLengths &wanted, const std::vector<uint64_t> &lengths) {
  if (lengths.size() != wanted.full.size())
    return "layout " + name + " of this type names " + std::to_string(wanted.full.size()) +
           " ranges, found " + std::to_string(lengths.size());
  if (lengths == wanted.single)
    return {};
  for (size_t i = 0; i < lengths.size(); ++i)
    if (lengths[i] != wanted.full[i])
      return "range " + std::to_string(i) + " has " + std::to_string(lengths[i]) +
             " bytes, layout " + name + " of this type asks for " + std::to_string(wanted.full[i]);
  return {};
}

/// Why a layout of ONNX cannot store the format, or an empty string.
std::string checkOnnxFormat(StorageLayout layout, const BlockFormat &format) {
  bool isNBits = layout == StorageLayout::NBits;
  bool codesFit = isNBits
                      ? !format.codes.isSigned && format.block * format.codes.bits % 8 == 0
                      : format.codes.bits == 2 || format.codes.bits == 4 || format.codes.bits == 8;
  bool zerosFit = format.zero == Scalar::None || isFloat(format.zero) ||
                  scalarBits(format.zero) == format.codes.bits;
  if (codesFit && zerosFit && format.subScaleBits == 0 && format.min == Scalar::None)
    return {};
  return "cannot be stored as '" + std::string(storageLayoutName(layout)) + "'";
}

BlockFormat formatOfRow(std::string_view text) {
  BlockFormat format;
  if (std::optional<Scalar> scalar = scalarByName(text)) {
    format.scale = *scalar;
    return format;
  }
  std::optional<BlockFormat> parsed = BlockFormat::parse(text, nullptr);
  assert(parsed && "a row of Formats.def has a format that does not parse");
  return *parsed;
}

const std::vector<GgufType> &ggufTypes() {
  static const std::vector<GgufType> types = {
#define PHIC_GGUF_TYPE(ID, NAME, LAYOUT, BLOCK_ELEMENTS, BLOCK_BYTES, FORMAT)                      \
  {ID,                                                                                             \
   NAME,                                                                                           \
   StorageLayout::LAYOUT,                                                                          \
   BLOCK_ELEMENTS,                                                                                 \
   BLOCK_BYTES,                                                                                    \
   scalarByName(FORMAT).has_value(),                                                               \
   formatOfRow(FORMAT)},
#include "dialects/phiq/Formats.def"
  };
  return types;
}

} // namespace

unsigned scalarBits(Scalar scalar) {
  for (const ScalarRow &row : kScalars)
    if (row.scalar == scalar)
      return row.bits;
  return 0;
}

std::string_view scalarName(Scalar scalar) {
  for (const ScalarRow &row : kScalars)
    if (row.scalar == scalar)
      return row.name;
  return {};
}

std::optional<Scalar> scalarByName(std::string_view name) {
  for (const ScalarRow &row : kScalars)
    if (row.name == name)
      return row.scalar;
  return std::nullopt;
}

bool isFloat(Scalar scalar) {
  return scalar == Scalar::F32 || scalar == Scalar::F16 || scalar == Scalar::BF16;
}

double BlockFormat::bitsPerWeight() const {
  // One level: a scalar a block. Two levels: an integer a block, the scalar a super-block.
  auto spread = [&](Scalar scalar) {
    if (scalar == Scalar::None)
      return 0.0;
    double outer = scalarBits(scalar);
    return subScaleBits ? subScaleBits / double(block) + outer / double(kSuperBlock)
                        : outer / double(block);
  };
  return codes.bits + spread(scale) + scalarBits(zero) / double(block) + spread(min);
}

std::string BlockFormat::str() const {
  std::string text =
      codeName(codes.bits, codes.isSigned) + ", " + std::to_string(block) + ", scale = ";
  text += scalarName(scale);
  if (subScaleBits)
    text += " * " + codeName(subScaleBits, subScaleSigned);
  if (zero != Scalar::None)
    text += ", zero = " + std::string(scalarName(zero));
  else if (zeroConstant != 0)
    text += ", zero = " + std::to_string(zeroConstant);
  if (min != Scalar::None) {
    text += ", min = " + std::string(scalarName(min));
    if (subScaleBits)
      text += " * " + codeName(subScaleBits, /*isSigned=*/false);
  }
  return text;
}

std::optional<BlockFormat> BlockFormat::parse(std::string_view text, std::string *error) {
  BlockFormat format;
  FormatParser parser(text);
  bool parsed = parser.parseFormat(format);
  // One spelling a format, so that types compare equal exactly when their text does.
  if (parsed && format.str() != text) {
    parser.error = "spell '" + std::string(text) + "' as '" + format.str() + "'";
    parsed = false;
  }
  if (parsed)
    return format;
  if (error)
    *error = parser.error;
  return std::nullopt;
}

std::string_view storageLayoutName(StorageLayout layout) {
  switch (layout) {
#define PHIC_STORAGE_LAYOUT(ENUM, NAME, RANGES, DESCRIPTION)                                       \
  case StorageLayout::ENUM:                                                                        \
    return NAME;
#include "dialects/phiq/Formats.def"
  }
  return {};
}

std::optional<StorageLayout> storageLayoutByName(std::string_view name) {
#define PHIC_STORAGE_LAYOUT(ENUM, NAME, RANGES, DESCRIPTION)                                       \
  if (name == NAME)                                                                                \
    return StorageLayout::ENUM;
#include "dialects/phiq/Formats.def"
  return std::nullopt;
}

bool isTransposed(StorageLayout layout) {
  return layout == StorageLayout::DenseKN || layout == StorageLayout::QdqKN;
}

std::string checkStorage(StorageLayout layout, const BlockFormat *format, Scalar element,
                         int64_t rows, int64_t columns, const std::vector<uint64_t> &lengths) {
  std::string name = "'" + std::string(storageLayoutName(layout)) + "'";
  bool isDense = layout == StorageLayout::DenseNK || layout == StorageLayout::DenseKN;
  if (isDense != !format)
    return name + (isDense ? " stores floats, found " : " stores a block format, found ") +
           (format ? "block<" + format->str() + ">" : std::string(scalarName(element)));
  StoredLengths wanted;
  if (isDense) {
    wanted = {{times(times(rows, columns), scalarBits(element) / 8)}, {}};
  } else if (const GgufType *type = ggufTypeByLayout(layout)) {
    return checkStorage({.name = std::string(storageLayoutName(layout)), .blockElements = type->blockElements,
                         .blockBytes = type->blockBytes, .format = type->format},
                        format, rows, columns, lengths);
  } else {
    if (std::string error = checkOnnxFormat(layout, *format); !error.empty())
      return "block<" + format->str() + "> " + error;
    wanted = lengthsOfOnnx(layout, *format, rows, columns);
  }
  return checkLengths(name, wanted, lengths);
}

std::string checkStorage(const BlockStorage &storage, const BlockFormat *format, int64_t rows,
                         int64_t columns, const std::vector<uint64_t> &lengths) {
  std::string name = "'" + storage.name + "'";
  if (!format)
    return name + " stores a block format, found floats";
  if (*format != storage.format)
    return name + " stores block<" + storage.format.str() + ">, found block<" + format->str() + ">";
  if (columns % storage.blockElements)
    return name + " stores whole blocks of " + std::to_string(storage.blockElements) +
           ", found rows of " + std::to_string(columns);
  uint64_t bytes = times(times(rows, columns / storage.blockElements), storage.blockBytes);
  return checkLengths(name, {{bytes}, {}}, lengths);
}

std::string checkBlockStorage(const BlockStorage &row) {
  if (row.name.empty() || !row.unpack || row.blockBytes == 0)
    return "needs a name, the bytes of a block and a function that unpacks it";
  if (storageLayoutByName(row.name))
    return "has the name of a layout of phic's own";
  if (row.ggufType && ggufTypeById(*row.ggufType))
    return "has GGUF type " + std::to_string(*row.ggufType) + ", which phic reads as " + ggufTypeName(*row.ggufType);
  if (row.format.block < 1 || row.blockElements % row.format.block)
    return "stores " + std::to_string(row.blockElements) + " elements a block, which are not whole blocks of " +
           std::to_string(row.format.block);
  return {};
}

std::optional<ConvertMethod> convertMethodByName(std::string_view name) {
#define PHIC_CONVERT_METHOD(ENUM, NAME, DESCRIPTION)                                               \
  if (name == NAME)                                                                                \
    return ConvertMethod::ENUM;
#include "dialects/phiq/Formats.def"
  return std::nullopt;
}

std::string checkRoundToNearest(const BlockFormat &format) {
  if (format.subScaleBits)
    return "has two-level scales, which round to nearest does not make";
  if (format.min != Scalar::None) {
    if (format.codes.isSigned || format.zero != Scalar::None || format.zeroConstant)
      return "has a minimum, which takes unsigned codes without a zero point";
    return {};
  }
  if (isFloat(format.zero))
    return "has float zero points, which round to nearest does not make";
  if (format.zero != Scalar::None) {
    CodeType zero = {uint8_t(scalarBits(format.zero)),
                     format.zero == Scalar::I8 || format.zero == Scalar::I4};
    return zero == format.codes ? "" : "has zero points of another type than its codes";
  }
  int64_t middle = format.codes.isSigned ? 0 : int64_t(1) << (format.codes.bits - 1);
  if (format.zeroConstant != middle)
    return "is symmetric with zero = " + std::to_string(format.zeroConstant) + ", the middle of its codes is " +
           std::to_string(middle);
  return {};
}

const GgufType *ggufTypeByLayout(StorageLayout layout) {
  for (const GgufType &type : ggufTypes())
    if (type.layout == layout && !type.isFloat)
      return &type;
  return nullptr;
}

const GgufType *ggufTypeById(uint32_t id) {
  for (const GgufType &type : ggufTypes())
    if (type.id == id)
      return &type;
  return nullptr;
}

std::string ggufReadableTypes() {
  std::string names;
  for (const GgufType &type : ggufTypes())
    names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
}

std::string ggufTypeName(uint32_t id) {
  switch (id) {
#define PHIC_GGUF_TYPE(ID, NAME, LAYOUT, BLOCK_ELEMENTS, BLOCK_BYTES, FORMAT)                      \
  case ID:                                                                                         \
    return NAME;
#define PHIC_GGUF_OTHER(ID, NAME)                                                                  \
  case ID:                                                                                         \
    return NAME;
#include "dialects/phiq/Formats.def"
  default:
    return "type " + std::to_string(id);
  }
}

} // namespace phic
