//===- Formats.h - Weight formats as data ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format algebra of docs/numerics.md: every weight of every checkpoint is
//
//     w[i] = s(b) * (q[i] - z(b)) + m(b)          i an index along K, b its block
//
// A BlockFormat is the *type* (`!phiq.block<...>`); the numbers live in the
// weight store. How a tool arranges those numbers in its file is a StorageLayout.
// No MLIR in here: the runtime tools, the packers and the tests use it too.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_FORMATS_H
#define PHIC_DIALECTS_PHIQ_FORMATS_H

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace phic {

/// A scalar as it is stored.
enum class Scalar : uint8_t { None, F32, F16, BF16, I8, U8, I4, U4 };

/// Integer codes: 2..8 bits, unsigned or two's complement.
struct CodeType {
  uint8_t bits = 4;
  bool isSigned = false;
  bool operator==(const CodeType &) const = default;
};

/// Elements of a super-block, over which the outer scale of a two-level one is spread.
inline constexpr int64_t kSuperBlock = 256;

/// The type of a quantized tensor: `!phiq.block<u4, 32, scale = f16, zero = 8>`.
/// Blocks run along the last axis (K).
struct BlockFormat {
  CodeType codes;
  int64_t block = 32; ///< elements sharing one scale; K itself for per-channel
  Scalar scale = Scalar::F32; ///< type the scale is stored in (the super-block's, where subScaleBits > 0)
  uint8_t subScaleBits = 0; ///< K formats: bits of the integer each block's scale is multiplied by; 0: none
  bool subScaleSigned = false; ///< that integer is two's complement (Q6_K); a minimum's is always unsigned
  Scalar zero = Scalar::None; ///< stored zero point per block; None: `zeroConstant` for all
  int64_t zeroConstant = 0;   ///< e.g. 8 for symmetric u4
  Scalar min = Scalar::None;  ///< float added per block (GGUF's -min, MLX's bias); None: absent
  bool operator==(const BlockFormat &) const = default;

  /// Blocks have integers for scales and minima, which those of their super-block are multiplied by.
  bool isTwoLevel() const { return subScaleBits > 0; }

  /// Storage including scales, zero points and minima, per weight. Sub-scales
  /// count with their super-block of 256.
  double bitsPerWeight() const;
  /// `u4, 32, scale = f16 * u6, zero = 8, min = f16 * u6`; parse accepts exactly what str()
  /// returns. A two-level scale makes the minimum two-level too, with the same number of bits.
  std::string str() const;
  static std::optional<BlockFormat> parse(std::string_view text, std::string *error);
};

/// Bits of one stored scalar; 0 for None.
unsigned scalarBits(Scalar scalar);
/// "f16", "u4", ...; empty for None.
std::string_view scalarName(Scalar scalar);
std::optional<Scalar> scalarByName(std::string_view name);
bool isFloat(Scalar scalar);

/// One row of a quantized weight, as every reader hands it over and every packer takes it:
/// w[k] = scale[b] * (codes[k] - zero[b]) + min[b] with b = k / block.
/// Two-level scales are multiplied out (exactly, in f32), and their outer factors given beside them;
/// absent zeros and minima are the format's constant and 0.
struct BlockRow {
  std::vector<int16_t> codes;          ///< [K]
  std::vector<float> scale, zero, min; ///< [ceil(K / block)] each
  std::vector<float> superScale = {}, superMin = {}; ///< [ceil(K / kSuperBlock)] each: of two-level formats only
};

/// How the producing tool arranges a weight's bytes: a row of Formats.def.
/// `ranges` of a weight are, in order, the byte ranges the layout names.
enum class StorageLayout : uint8_t {
#define PHIC_STORAGE_LAYOUT(ENUM, NAME, READER, RANGES, DESCRIPTION) ENUM,
#include "dialects/phiq/Formats.def"
};
std::string_view storageLayoutName(StorageLayout layout);
std::optional<StorageLayout> storageLayoutByName(std::string_view name);

/// Which of a layout's rows lie one after the other: those that are not read transposed.
bool isTransposed(StorageLayout layout);

/// Why ranges of these lengths cannot be a weight [rows, columns] in that layout, or an empty
/// string. `format` is null for a weight of floats of type `element`.
std::string checkStorage(StorageLayout layout, const BlockFormat *format, Scalar element, int64_t rows, int64_t columns,
                         const std::vector<uint64_t> &lengths);

/// Bytes of a row in layout `phic_rows`; the parts in their order.
struct PhicRowBytes {
  uint64_t codes, scales, zeros, minima;
  uint64_t all() const { return codes + scales + zeros + minima; }
};
PhicRowBytes phicRowBytes(const BlockFormat &format, uint64_t columns);

/// How a weight's numbers are changed to another format: a row of Formats.def.
enum class ConvertMethod : uint8_t {
#define PHIC_CONVERT_METHOD(ENUM, NAME, DESCRIPTION) ENUM,
#include "dialects/phiq/Formats.def"
};
std::optional<ConvertMethod> convertMethodByName(std::string_view name);
std::string_view convertMethodName(ConvertMethod method);

/// Why round to nearest cannot make that format, or an empty string: it has one level of scales, and
/// the codes lie around the zero point (symmetric: half of them below) or have a zero point or
/// minimum a block.
std::string checkRoundToNearest(const BlockFormat &format);

/// A GGUF tensor type: a row of Formats.def.
struct GgufType {
  uint32_t id;
  std::string_view name; ///< "Q4_K"
  StorageLayout layout;
  uint32_t blockElements; ///< elements of one stored block (256 for K formats)
  uint32_t blockBytes;
  bool isFloat; ///< F32 and F16: the element type is `format.scale`, no codes
  BlockFormat format;
};
/// The row whose blocks are stored in that layout, or nullptr (also for floats).
const GgufType *ggufTypeByLayout(StorageLayout layout);
/// Row with that id, or nullptr when phic does not read the type.
const GgufType *ggufTypeById(uint32_t id);
/// Name ggml gives to an id, also for types phic does not read; "type N" when unknown.
std::string ggufTypeName(uint32_t id);
/// "F32, F16, ...": the names of all types that phic reads.
std::string ggufReadableTypes();

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_FORMATS_H
