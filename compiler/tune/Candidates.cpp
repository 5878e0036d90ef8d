//===- Candidates.cpp - What phic tune tries -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tune/Candidates.h"
#include <cassert>

namespace phic {
namespace {

constexpr int64_t kDecodeColumns[] = {16, 32, 64, 128, 256}, kPrefillColumns[] = {32, 64, 128, 256},
                  kPrefillRows[] = {32, 64, 128}, kAttendRows[] = {4, 8, 16, 32};

bool same(const TileAxis &axis, const TileShape &a, const TileShape &b) {
  return axis.kind == TunedStage::Attend ? a.attendRows == b.attendRows : a.columns == b.columns && a.rows == b.rows;
}

} // namespace

std::vector<TileAxis> tileAxes(const TileTable &table) {
  const TileShape decode = table[unsigned(MClass::Decode)], prefill = table[unsigned(MClass::Prefill)];
  std::vector<TileAxis> axes = {{"decode matmul", MClass::Decode, TunedStage::Matmul, {}, decode},
                                {"prefill matmul", MClass::Prefill, TunedStage::Matmul, {}, prefill},
                                {"prefill attention", MClass::Prefill, TunedStage::Attend, {}, prefill}};
  auto add = [](TileAxis &axis, const TileShape &shape) {
    if (!same(axis, shape, axis.own))
      axis.shapes.push_back(shape);
  };
  for (int64_t columns : kDecodeColumns)
    add(axes[0], {columns, decode.rows, decode.attendRows, decode.attendKeys});
  for (int64_t columns : kPrefillColumns)
    for (int64_t rows : kPrefillRows)
      add(axes[1], {columns, rows, prefill.attendRows, prefill.attendKeys});
  for (int64_t rows : kAttendRows)
    add(axes[2], {prefill.columns, prefill.rows, rows, prefill.attendKeys});
  return axes;
}

TileTable withShape(const TileTable &table, const TileAxis &axis, const TileShape &shape) {
  TileTable changed = table;
  TileShape &place = changed[unsigned(axis.mClass)];
  if (axis.kind == TunedStage::Attend)
    place.attendRows = shape.attendRows;
  else
    place.columns = shape.columns, place.rows = shape.rows;
  return changed;
}

std::string shapeText(const TileAxis &axis, const TileShape &shape) {
  if (axis.kind == TunedStage::Attend)
    return "attend_rows " + std::to_string(shape.attendRows);
  return "columns " + std::to_string(shape.columns) + ", rows " + std::to_string(shape.rows);
}

TileShape winner(const TileAxis &axis, const std::vector<double> &ratios) {
  assert(ratios.size() == axis.shapes.size());
  TileShape best = axis.own;
  double least = 1 - kLeastGain;
  for (size_t i = 0; i < ratios.size(); ++i)
    if (ratios[i] <= least) {
      least = ratios[i];
      best = axis.shapes[i];
    }
  return best;
}

} // namespace phic
