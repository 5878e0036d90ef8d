//===- Microkernels.cpp - The variants of a target -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each kind of operands a target uses the rows of the newest ISA in its
// family's table that it has.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/Microkernels.h"
#include "targets/cpu/kernels/MatmulTiles.h"
#include "targets/cpu/kernels/TallMatmul.h"
#include <algorithm>
#include <vector>

using namespace mlir;

namespace phic {
namespace {

/// f32 results of a panel's row.
constexpr int64_t kPanelBytes = 4 * PackedLayout::kColumns;
using Values = KernelBuilder::Values;

bool isArm(const CpuTarget &target) { return target.architecture == "aarch64"; }

bool takes(const MatmulVariant &variant, const MatmulOperands &operands) {
  return (variant.lhs == LhsKind::S8) == (operands.lhsBlock > 0) &&
         (variant.rhs == RhsKind::Codes) == (operands.rhs.kind == PackedLayout::Kind::BlockPanel) &&
         !(variant.tall &&
           !(variant.dot->takesUnpacked(operands.rhs) && operands.rhs.runElements() <= operands.lhsBlock));
}

class TableMicrokernels final : public Microkernels {
public:
  explicit TableMicrokernels(const CpuTarget &target)
      : registerLanes(target.vectorBytes / 4), broadcastsLanes(isArm(target)) {
    for (const MatmulVariant &variant : isArm(target) ? armMatmulVariants() : x86MatmulVariants())
      if (hasIsa(target, variant.isa))
        variants.push_back(&variant);
  }

  llvm::SmallVector<RegisterTile> matmulTiles(const MatmulOperands &operands) const override {
    llvm::SmallVector<RegisterTile> tiles;
    for (const MatmulVariant *variant : variantsFor(operands, /*tall=*/false))
      tiles.push_back({variant->tile.MR, variant->tile.NR, variant->tile.KR ? variant->tile.KR : operands.lhsBlock});
    return tiles;
  }

  int64_t scratchBytes(const MatmulOperands &operands, const RegisterTile &tile) const override {
    const IntegerDot *dot = variantFor(operands, tile).dot;
    return dot ? dot->scratchBytes(operands, tile.MR) : 0;
  }

  void emitMatmul(KernelBuilder &b, const MatmulOperands &operands, const RegisterTile &tile, Value lhs, Value rhs,
                  Value out, Value outRowBytes, Value panels, Value scratch) const override {
    const MatmulVariant &variant = variantFor(operands, tile);
    // A panel of floats is one load, even of two registers: f16 is widened from both halves of one (fcvtl, fcvtl2).
    const int64_t lanes = variant.dot ? registerLanes : std::max(registerLanes, PackedLayout::kColumns);
    TileEmission rows{b,   operands, tile.MR,      tile.NR, std::min(tile.NR, lanes),
                      lhs, rhs,      /*column=*/0, {},      broadcastsLanes};
    if (variant.dot)
      rows.blocks = variant.dot->arrange(rows, scratch);
    auto emitGroup = [&](Value p, int64_t column, int64_t width) {
      TileEmission e = rows;
      e.NR = width;
      e.lanes = std::min(width, lanes);
      e.column = column;
      e.rhs = b.offset(rhs, b.mul(p, operands.rhs.panelBytes(operands.K)));
      Values sums(tile.MR * e.vectors(), b.splat(e.lanes, 0.0f));
      emitMatmulTile(e, variant, sums);
      for (int64_t r = 0; r < tile.MR; ++r) {
        Value row = b.offset(b.offset(out, b.add(b.mul(p, kPanelBytes), 4 * column)), b.mul(outRowBytes, r));
        for (int64_t v = 0; v < e.vectors(); ++v)
          b.store(sums[r * e.vectors() + v], row, v * e.bytes());
      }
    };
    // Whole tiles, then what is left: whole vectors, then a single panel. A panel may take several tiles.
    llvm::SmallVector<int64_t> widths = {tile.NR};
    for (int64_t width : {lanes, PackedLayout::kColumns})
      if (PackedLayout::kColumns <= width && width < widths.back())
        widths.push_back(width);
    Value done = b.i64(0);
    for (int64_t width : widths) {
      const int64_t step = std::max<int64_t>(1, width / PackedLayout::kColumns);
      Value end = step == 1 ? panels : b.add(done, b.mul(b.divide(b.sub(panels, done), step), step));
      b.loop(done, end, step, [&](Value p) {
        for (int64_t column = 0; column < step * PackedLayout::kColumns; column += width)
          emitGroup(p, column, width);
      });
      done = end;
    }
  }

  std::optional<RegisterTile> tallTile(const MatmulOperands &operands) const override {
    auto found = variantsFor(operands, /*tall=*/true);
    if (found.empty())
      return std::nullopt;
    return RegisterTile{found.front()->tile.MR, found.front()->tile.NR, operands.lhsBlock};
  }

  int64_t tallScratchBytes(const MatmulOperands &operands) const override {
    return tallMatmulScratch(operands, *tallTile(operands));
  }

  void emitTallMatmul(KernelBuilder &b, const MatmulOperands &operands, const TallMatmulCall &call) const override {
    phic::emitTallMatmul(b, operands, *variantsFor(operands, /*tall=*/true).front(), registerLanes, call);
  }

private:
  const MatmulVariant &variantFor(const MatmulOperands &operands, const RegisterTile &tile) const {
    return **llvm::find_if(variantsFor(operands, /*tall=*/false),
                           [&](const MatmulVariant *v) { return v->tile.MR == tile.MR; });
  }

  /// The rows of the newest ISA; a tall one of an older ISA is none.
  llvm::SmallVector<const MatmulVariant *> variantsFor(const MatmulOperands &operands, bool tall) const {
    llvm::SmallVector<const MatmulVariant *> found;
    for (const MatmulVariant *variant : variants) {
      if (!takes(*variant, operands))
        continue;
      if (!found.empty() && found.front()->isa != variant->isa)
        found.clear();
      found.push_back(variant);
    }
    llvm::erase_if(found, [&](const MatmulVariant *variant) { return variant->tall != tall; });
    return found;
  }

  llvm::SmallVector<const MatmulVariant *> variants;
  int64_t registerLanes;
  bool broadcastsLanes;
};

} // namespace

std::string MatmulOperands::lhsName() const { return lhsBlock ? "s8b" + std::to_string(lhsBlock) : "f32"; }

std::string MatmulOperands::rhsName() const {
  // panel8x32_u4_f16_z8 -> u4f16z8b32
  std::string name = rhs.name(), text;
  if (rhs.kind != PackedLayout::Kind::BlockPanel)
    return std::string(scalarName(rhs.element));
  for (char c : name.substr(name.find('_') + 1))
    if (c != '_')
      text += c == '-' ? 'n' : c;
  return text + "b" + std::to_string(rhs.block);
}

bool hasIsa(const CpuTarget &target, std::string_view isa) {
  for (const CpuTarget &other : cpuLevels())
    if (other.isa == isa)
      return (other.features & ~target.features) == 0;
  assert(false && "Kernels.def names an ISA that Targets.def does not have");
  return false;
}

const Microkernels &microkernelsOf(const CpuTarget &target) {
  static const std::vector<TableMicrokernels> all(cpuLevels().begin(), cpuLevels().end());
  return all[size_t(&target - cpuLevels().data())];
}

} // namespace phic
