//===- PackedLayout.cpp - Weights in tile order ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which layout a format has, and where in it what lies. See PackedLayout.h for the order of bytes.
//===----------------------------------------------------------------------===//
#include "targets/layout/PackedLayout.h"
#include "targets/layout/PairedWords.h"
#include <cassert>

namespace phic {

int64_t scalarBytes(Scalar type) {
  switch (type) {
  case Scalar::None:
    return 0;
  case Scalar::F32:
    return 4;
  case Scalar::F16:
  case Scalar::BF16:
    return 2;
  case Scalar::I8:
  case Scalar::U8:
    return 1;
  case Scalar::I4:
  case Scalar::U4:
    break;
  }
  assert(false && "sub-byte scalars are not stored one by one");
  return 0;
}

PackedLayout PackedLayout::dense(Scalar element) {
  assert(element == Scalar::F32 || element == Scalar::I8 || element == Scalar::U8);
  PackedLayout layout;
  layout.element = element;
  return layout;
}

PackedLayout PackedLayout::floatPanel(Scalar element) {
  PackedLayout layout;
  layout.kind = Kind::FloatPanel;
  layout.element = element;
  return layout;
}

PackedLayout PackedLayout::codePanel(Scalar element) {
  assert(element == Scalar::I8 || element == Scalar::U8);
  PackedLayout layout;
  layout.kind = Kind::CodePanel;
  layout.element = element;
  layout.codes = {8, element == Scalar::I8};
  return layout;
}

/// Why no layout holds blocks of the format, or an empty string.
static std::string whyNoPanel(const BlockFormat &format, int64_t K) {
  if (format.block % 16 != 0 && format.block < K)
    return "blocks of " + std::to_string(format.block) +
           " elements have no packed layout: it takes multiples of 16, or one block a row";
  if (!format.isTwoLevel())
    return "";
  if (format.block != 16 && format.block != 32)
    return "two-level scales of blocks of " + std::to_string(format.block) +
           " elements have no packed layout: it takes 16 or 32";
  // An exact product of an f16 and an integer of 8 bits fits f32; others would be rounded.
  if (format.scale != Scalar::F16 || (format.min != Scalar::None && format.min != Scalar::F16))
    return "two-level scales other than f16 times an integer have no packed layout";
  return "";
}

/// f16 stays what it is; a bf16 is widened.
static Scalar storedScale(Scalar type) { return type == Scalar::F16 || type == Scalar::None ? type : Scalar::F32; }

std::optional<PackedLayout> PackedLayout::blockPanel(const BlockFormat &format, int64_t K, std::string *reason) {
  PackedLayout layout;
  layout.kind = Kind::BlockPanel;
  layout.codes = format.codes;
  layout.block = format.block;
  layout.scale = storedScale(format.scale);
  layout.subScaleBits = format.subScaleBits;
  layout.subScaleSigned = format.subScaleSigned;
  layout.min = storedScale(format.min);
  bool floatZero = format.zero == Scalar::F16 || format.zero == Scalar::F32 || format.zero == Scalar::BF16;
  if (format.zero != Scalar::None)
    layout.zero = floatZero ? Scalar::F32 : Scalar::I8;
  layout.zeroConstant = format.zero == Scalar::None ? format.zeroConstant : 0;
  std::string why = whyNoPanel(format, K);
  if (why.empty() && floatZero && layout.codeShift() != 0)
    why = "float zero points with " + std::string(format.codes.isSigned ? "signed" : "8-bit") +
          " codes have no packed layout: shifting both would round";
  if (why.empty())
    return layout;
  if (reason)
    *reason = std::move(why);
  return std::nullopt;
}

CodeType PackedLayout::storedCodes() const {
  return codes.bits == 8 ? CodeType{8, /*isSigned=*/true} : CodeType{codes.bits, /*isSigned=*/false};
}

int64_t PackedLayout::codeShift() const {
  if (codes.bits == 8)
    return codes.isSigned ? 0 : 128;
  return codes.isSigned ? -(int64_t(1) << (codes.bits - 1)) : 0;
}

// A plane of one bit takes 32 elements for a vector: where sub-blocks have 16, it is one of two.
int64_t PackedLayout::storedBits() const { return subBlock() == 16 ? (codes.bits + 1) / 2 * 2 : codes.bits; }

std::span<const CodePlane> PackedLayout::planes() const {
  static constexpr CodePlane kTwo[] = {{2, 0}}, kThree[] = {{2, 0}, {1, 2}}, kFour[] = {{4, 0}},
                             kFive[] = {{4, 0}, {1, 4}}, kSix[] = {{4, 0}, {2, 4}}, kSeven[] = {{4, 0}, {2, 4}, {1, 6}},
                             kEight[] = {{8, 0}};
  static constexpr std::span<const CodePlane> kPlanes[] = {kTwo, kThree, kFour, kFive, kSix, kSeven, kEight};
  return kPlanes[storedBits() - 2];
}

int64_t PackedLayout::zeroOffset(int64_t length) const {
  return scaleOffset(length) + kColumns * blocks(length) * scalarBytes(blockScale());
}
int64_t PackedLayout::minOffset(int64_t length) const {
  return zeroOffset(length) + kColumns * blocks(length) * scalarBytes(zero);
}
int64_t PackedLayout::superScaleOffset(int64_t length) const {
  return minOffset(length) + kColumns * blocks(length) * scalarBytes(blockMin());
}
int64_t PackedLayout::superMinOffset(int64_t length) const {
  return superScaleOffset(length) + (isTwoLevel() ? kColumns * scalarBytes(scale) : 0);
}
int64_t PackedLayout::tileBytes(int64_t length) const {
  return superMinOffset(length) + (isTwoLevel() ? kColumns * scalarBytes(min) : 0);
}

int64_t PackedLayout::panelBytes(int64_t K) const {
  switch (kind) {
  case Kind::Dense:
    return K * scalarBytes(element);
  case Kind::FloatPanel:
    return K * kColumns * scalarBytes(element);
  case Kind::CodePanel:
    return pairedOffset(K) + (PairedWord::bytes(groups(K)) + kVectorBytes - 1) / kVectorBytes * kVectorBytes;
  case Kind::BlockPanel:
    break;
  }
  const int64_t whole = K / tileElements(), tail = K % tileElements();
  return whole * tileBytes() + (tail > 0 ? tileBytes(tail) : 0);
}

int64_t PackedLayout::bytes(int64_t N, int64_t K) const {
  return (kind == Kind::Dense ? N : panels(N)) * panelBytes(K);
}

} // namespace phic
