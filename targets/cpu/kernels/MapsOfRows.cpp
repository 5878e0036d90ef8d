//===- MapsOfRows.cpp - Maps of rows in scratch memory ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/MapsOfRows.h"
#include "targets/cpu/kernels/MapParts.h"
#include "targets/cpu/kernels/MapsBehind.h"

using namespace mlir;

namespace phic {
namespace {

/// Some of the maps, in a loop of their own.
class PartEmitter {
public:
  enum class To : uint8_t { Results, Scratch };

  /// `handedOn` is what the rows hold: what was made, or what an earlier part made of it.
  PartEmitter(GridEmitter &g, const TileRows &rows, ArrayRef<phiq::MapOp> part, Value handedOn, To to)
      : g(g), b(g.b), rows(rows), maps(rows.made, handedOn, part, g, widths(g)), element(elementTypeOf(handedOn)),
        made(part.empty() ? element : elementTypeOf(phiq::MapOp(part.back()).getResult())),
        size(shapeOf(rows.made).back()), to(to) {}

  /// Row r: in vectors, and what is left of it in narrower ones, down to four lanes.
  void emit(Value r) {
    Value at = begin(r);
    int64_t done = 0;
    for (int64_t lanes = g.lanes(); lanes > 0; lanes = lanes > 4 ? lanes / 2 : lanes > 1 ? 1 : 0) {
      const int64_t end = done + (rows.width - done) / lanes * lanes;
      if (done < end)
        b.loop(b.i64(done), b.i64(end), lanes, [&](Value i) { emitLanes(i, lanes, r, at); });
      done = end;
    }
  }

  /// So many elements of rows from r on, which lie side by side.
  void emitOneRow(Value elements, Value r) {
    Value at = begin(r);
    g.overLanes(b.i64(0), elements, [&](Value i, int64_t lanes) { emitLanes(i, lanes, r, at); });
  }

private:
  static SmallVector<int64_t> widths(GridEmitter &g) {
    SmallVector<int64_t> widths;
    for (int64_t lanes = 1; lanes <= g.lanes(); lanes *= 2)
      widths.push_back(lanes);
    return widths;
  }

  /// The place of row r's first element in what is made.
  Value begin(Value r) {
    Value row = b.add(rows.first, r);
    maps.atRow(row);
    return b.add(b.mul(row, size), rows.column);
  }

  void emitLanes(Value i, int64_t lanes, Value r, Value inResult) {
    Value row = b.offset(rows.words, b.mul(r, rows.rowBytes));
    Value handedOn = loadLanes(b, element, lanes, b.offset(row, b.mul(i, 4)));
    Value at = b.add(inResult, i), column = b.add(rows.column, i);
    if (to == To::Results)
      maps.store(handedOn, at, column);
    else // elements of fewer bytes end before those that are still to be read
      storeLanes(b, made, maps.last(handedOn, at, column), g.place(row, made, i));
  }

  GridEmitter &g;
  KernelBuilder &b;
  const TileRows &rows;
  MapsBehind maps;
  const Type element, made; ///< of what is handed on, and of what the part makes
  const int64_t size;       ///< of a whole row
  const To to;
};

/// The parts in order, of rows [begin, end).
void emitParts(GridEmitter &g, const TileRows &rows, ArrayRef<ArrayRef<phiq::MapOp>> parts, bool isOneRow, Value begin,
               Value end, PartEmitter::To to) {
  Value handedOn = rows.made;
  for (ArrayRef<phiq::MapOp> part : parts) {
    const bool isLast = part.data() == parts.back().data();
    PartEmitter emitter(g, rows, part, handedOn, isLast ? to : PartEmitter::To::Scratch);
    if (isOneRow)
      emitter.emitOneRow(g.b.mul(g.b.sub(end, begin), rows.rowBytes / 4), begin);
    else
      g.b.loop(begin, end, 1, [&](Value r) { emitter.emit(r); });
    if (!part.empty())
      handedOn = phiq::MapOp(part.back()).getResult();
  }
}

} // namespace

void emitResultsOfRows(GridEmitter &g, const TileRows &rows, ArrayRef<phiq::MapOp> maps, Value count, int64_t most) {
  constexpr int64_t kElements = 1024; // of rows that are worked on together: they stay in the first-level cache
  KernelBuilder &b = g.b;
  const SmallVector<ArrayRef<phiq::MapOp>> parts = divideMaps(rows.made.getDefiningOp(), maps);
  const bool isOneRow = rows.width == shapeOf(rows.made).back() && rows.rowBytes == 4 * rows.width &&
                        MapsBehind::readOneRow(rows.made, maps);
  const int64_t together = parts.size() == 1 ? most : std::max<int64_t>(1, kElements / rows.width);
  b.loop(b.i64(0), count, together, [&](Value first) {
    emitParts(g, rows, parts, isOneRow, first, b.minimum(b.add(first, together), count), PartEmitter::To::Results);
  });
}

void emitMapsInPlace(GridEmitter &g, const TileRows &rows, ArrayRef<phiq::MapOp> maps, Value begin, Value end) {
  if (maps.empty())
    return;
  // Narrower elements would lie before their row; padding between rows is worked on where no place matters.
  const bool isDense = rows.rowBytes == 4 * rows.width;
  const bool isOneRow = elementBytes(elementTypeOf(phiq::MapOp(maps.back()).getResult())) == 4 &&
                        (isDense ? MapsBehind::readOneRow(rows.made, maps) : MapsBehind::readNumbers(rows.made, maps));
  emitParts(g, rows, divideMaps(rows.made.getDefiningOp(), maps), isOneRow, begin, end, PartEmitter::To::Scratch);
}

} // namespace phic
