//===- StageEmitter.cpp - What every stage kernel is made of ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pointers from facts.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/StageEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "phi/format.h"
#include "targets/layout/CacheOrder.h"
#include <cstddef>

using namespace mlir;

namespace phic {

std::string defineStageKernel(KernelLibrary &library, const StageFacts &facts, StringRef tileKey, StringRef name,
                              function_ref<void(StageEmitter &)> body) {
  MLIRContext *context = facts.stage->getContext();
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = IntegerType::get(context, 64);
  std::string key = tileKey.str() + ";" + facts.key();
  return library.define(key, name, facts.stage->getLoc(), LLVM::Linkage::External,
                        {pointer, pointer, i64, i64, pointer},
                        [&](KernelBuilder &b, Block::BlockArgListType arguments) {
                          StageEmitter emitter(b, library, facts, arguments);
                          body(emitter);
                        });
}

StageEmitter::StageEmitter(KernelBuilder &b, KernelLibrary &library, const StageFacts &facts,
                           Block::BlockArgListType arguments)
    : b(b), library(library), facts(facts), scratch(arguments[4]), begin(arguments[2]), end(arguments[3]) {
  Value frame = arguments[0], args = arguments[1];
  auto field = [&](size_t offset, Type type) { return b.load(type, frame, int64_t(offset)); };
  auto pointer = [&](size_t offset) { return field(offset, b.ptrType()); };
  Type i64 = b.getI64Type();
  past = field(offsetof(phi_frame, past), i64);
  total = field(offsetof(phi_frame, total), i64);
  context = field(offsetof(phi_frame, context), i64);
  logitRow0 = field(offsetof(phi_frame, logit_row0), i64);
  rows = facts.rows ? b.i64(*facts.rows) : field(offsetof(phi_frame, rows), i64);
  if (facts.logitRows)
    rows = b.sub(rows, logitRow0);
  Value weights = pointer(offsetof(phi_frame, weights)), arena = pointer(offsetof(phi_frame, arena));
  Value bindings = pointer(offsetof(phi_frame, bindings));
  int64_t next = 0;
  auto base = [&](const StageBuffer &buffer) {
    Value offset = b.load(i64, args, 8 * next++);
    switch (buffer.space) {
    case StageBuffer::Space::Arena:
      return b.offset(arena, offset);
    case StageBuffer::Space::Weights:
      return b.offset(weights, offset);
    case StageBuffer::Space::Binding: // the offset of its slot
      return b.load(b.ptrType(), b.offset(bindings, offset));
    }
    llvm_unreachable("covered switch");
  };
  for (const StageBuffer &buffer : facts.inputs)
    inputBases.push_back(base(buffer));
  for (const StageBuffer &buffer : facts.results)
    resultBases.push_back(base(buffer));
  if (facts.cache) {
    kv = b.load(b.ptrType(), bindings, int64_t(sizeof(uint8_t *)) * facts.cache->slot);
    keyOffset = b.load(i64, args, 8 * next);
    valueOffset = b.load(i64, args, 8 * (next + 1));
  }
}

void StageEmitter::overTiles(const StageTiles &tiles, function_ref<void(Value, Value, Value)> body) {
  b.loop(begin, end, 1, [&](Value tile) {
    Value column = b.i64(0), row = b.mul(tile, tiles.rows);
    if (tiles.isOneRow) {
      column = tile;
      row = b.i64(0);
    } else if (tiles.columns > 1) {
      // Neighbouring tiles share columns, so that a claim's weights stay in the cache.
      Value rowTiles = b.divide(b.add(rows, tiles.rows - 1), tiles.rows);
      column = arith::DivUIOp::create(b, tile, rowTiles);
      row = b.mul(b.sub(tile, b.mul(column, rowTiles)), tiles.rows);
    }
    body(column, row, tiles.rows == 1 ? b.i64(1) : b.minimum(b.i64(tiles.rows), b.sub(rows, row)));
  });
}

Value StageEmitter::inputRow(unsigned index, Value row) {
  return b.offset(inputBases[index], b.mul(row, facts.inputs[index].rowBytes));
}
Value StageEmitter::resultRow(unsigned index, Value row) {
  return b.offset(resultBases[index], b.mul(row, facts.results[index].rowBytes));
}

Value StageEmitter::cachePointer(Value tokenOffset, Value head) {
  Value headOffset = b.mul(head, facts.cache->headDim * facts.cache->elementBytes());
  return b.offset(kv, b.mul(b.add(tokenOffset, headOffset), context));
}
Value StageEmitter::cacheKeys(Value head) { return cachePointer(keyOffset, head); }
Value StageEmitter::cacheValues(Value head) { return cachePointer(valueOffset, head); }

Value StageEmitter::pointerOf(const RegionArgument &argument, Value column, Value row) {
  using Source = RegionArgument::Source;
  auto floats = [&](Value base) { return b.offset(base, b.mul(b.add(column, argument.begin), 4)); };
  switch (argument.source) {
  case Source::Core:
    break;
  case Source::Rows:
    return floats(inputRow(argument.index, row));
  case Source::SelectedRows:
    return floats(inputRow(argument.index, b.add(row, logitRow0)));
  case Source::Vector:
    return floats(weight(argument.index));
  case Source::Scalar:
    return weight(argument.index);
  case Source::Floats:
    return floats(resultRow(argument.index, row));
  case Source::RopeRow: {
    Value table = weight(argument.index);
    if (argument.longIndex >= 0)
      table = b.select(b.less(b.i64(argument.threshold), total), weight(argument.longIndex), table);
    return b.offset(table, b.mul(b.add(past, row), 4 * argument.tableColumns));
  }
  case Source::Codes:
    return b.offset(resultRow(argument.index, row), column);
  case Source::Scales:
  case Source::Sums: {
    QuantizedRow layout{facts.results[argument.index].columns, argument.block};
    int64_t offset = argument.source == Source::Scales ? layout.scalesOffset() : layout.sumsOffset();
    Value block = b.mul(b.divide(column, argument.block), 4);
    return b.offset(resultRow(argument.index, row), b.add(block, offset));
  }
  case Source::Keys:
  case Source::Values: {
    const int64_t d = facts.cache->headDim, element = facts.cache->elementBytes();
    Value position = b.add(past, row), head = b.divide(column, d);
    if (argument.source == Source::Values)
      return b.offset(cacheValues(head), b.mul(position, d * element));
    Value group = b.divide(position, kKeyGroup), lane = b.sub(position, b.mul(group, kKeyGroup));
    return b.offset(cacheKeys(head), b.mul(b.add(b.mul(group, kKeyGroup * d), lane), element));
  }
  }
  llvm_unreachable("core results are the caller's");
}

void StageEmitter::applyRegion(const ColumnGroup &group, int64_t width, Value steps, Value column, Value row,
                               Value count, ArrayRef<Value> cores, int64_t coreRowBytes) {
  RegionPlan plan = planRegion(group, width);
  std::string symbol = library.declare(std::move(plan.function), b.getLoc());
  b.loop(b.i64(0), count, 1, [&](Value i) {
    b.loop(b.i64(0), steps, 1, [&](Value step) {
      Value ahead = b.mul(step, width), at = b.add(column, ahead), absoluteRow = b.add(row, i);
      llvm::SmallVector<Value> pointers;
      for (const RegionArgument &argument : plan.arguments) {
        if (argument.source == RegionArgument::Source::Core)
          pointers.push_back(b.offset(cores[argument.index], b.add(b.mul(i, coreRowBytes), b.mul(ahead, 4))));
        else
          pointers.push_back(pointerOf(argument, at, absoluteRow));
      }
      b.call(symbol, pointers);
    });
  });
}

} // namespace phic
