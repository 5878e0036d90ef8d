//===- PairedBytes.cpp - Bytes multiplied in pairs of words ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/PairedBytes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace phic {
namespace {

static_assert(PairedWord::kGroups == kChunkWords, "a chunk is a block of paired words");

constexpr int64_t kBytes = PackedLayout::kVectorBytes, kGroup = PackedLayout::kGroup;
constexpr int64_t kOrders = PairedWord::kOrders.size();

/// Where each byte of a vector comes from, counted from the beginning of the `counted` bytes that it lies in.
SmallVector<int8_t> sourcesOf(const std::array<int8_t, 4> &order, int64_t counted) {
  SmallVector<int8_t> sources;
  for (int64_t i = 0; i < kBytes; ++i) {
    const int8_t inGroup = order[size_t(i % kGroup)];
    sources.push_back(inGroup == PairedWord::kNone ? inGroup : int8_t(i % counted / kGroup * kGroup + inGroup));
  }
  return sources;
}

} // namespace

void PairedBytes::copyRows(Value rows, Value count, Value words) {
  Value copyBytes = b.mul(count, kWordRowBytes);
  VectorType vector = b.vec(kBytes, b.getI8Type());
  b.loop(b.i64(0), count, 1, [&](Value r) {
    Value row = b.offset(rows, b.mul(r, kWordRowBytes));
    b.loop(b.i64(0), words, kBytes / kGroup, [&](Value s) {
      Value from = b.offset(row, b.mul(s, kGroup)), bytes = b.load(vector, from), to = from;
      for (int64_t copy = 1; copy < kCopies; ++copy) {
        to = b.offset(to, copyBytes);
        auto sources = llvm::to_vector_of<int32_t>(sourcesOf(PairedWord::kOrders[size_t(copy)], kBytes));
        b.store(LLVM::ShuffleVectorOp::create(b, bytes, bytes, sources), to);
      }
    });
  });
}

void PairedBytes::writeOrders(Value to) {
  constexpr int64_t kHalf = 16; // a register's, that shuffling does not leave
  for (int64_t order = 0; order < kOrders; ++order) {
    const SmallVector<int8_t> sources = sourcesOf(PairedWord::kOrders[size_t(order)], kHalf);
    auto control = DenseElementsAttr::get(b.vec(kBytes, b.getI8Type()), ArrayRef(sources));
    b.store(arith::ConstantOp::create(b, control), to, order * kBytes);
  }
}

/// Of some words, a group and an order each: 4 group, in the copy of that order; elements of half a group are in the first.
Value PairedBytes::placesOf(Value words, int64_t count, Value copyBytes) {
  VectorType vector = b.vec(count, b.getI32Type());
  auto number = [&](int64_t value) { return b.splat(count, 32, value); };
  Value wide = arith::ExtUIOp::create(b, vector, b.load(b.vec(count, b.getI16Type()), words));
  Value group = arith::AndIOp::create(b, wide, number(0xff)), order = arith::ShRUIOp::create(b, wide, number(8));
  Value isWhole = b.less(order, number(kCopies)), copy = b.select(isWhole, order, number(0));
  Value bytes = b.broadcast(count, arith::TruncIOp::create(b, b.getI32Type(), copyBytes));
  return b.add(b.mul(copy, bytes), b.mul(group, number(kGroup)));
}

/// The bytes of a word in its order.
void PairedBytes::unpackWord(const PairedCall &call, Value codes, Value word, Value to) {
  VectorType vector = b.vec(kBytes, b.getI8Type());
  auto numberAt = [&](int64_t byte) -> Value {
    return arith::ExtUIOp::create(b, b.getI64Type(), b.load(b.getI8Type(), word, byte));
  };
  Value bytes = b.load(vector, b.offset(codes, b.mul(numberAt(0), kBytes)));
  b.store(dot.shuffle(b, bytes, b.load(vector, b.offset(call.orders, b.mul(numberAt(1), kBytes)))), to);
}

Value PairedBytes::unpack(const PackedLayout &layout, int64_t K, const PairedCall &call) {
  Value codes = b.offset(call.panel, b.mul(call.k, PackedLayout::kColumns));
  Value block = b.mul(b.divide(call.k, PairedWord::kGroups * kGroup), PairedWord::kBlockBytes);
  Value list = b.offset(b.offset(call.panel, layout.pairedOffset(K)), block);
  auto countAt = [&](int64_t bytes) -> Value {
    return arith::ExtUIOp::create(b, b.getI64Type(), b.load(b.getI16Type(), list, bytes));
  };
  Value paired = countAt(0), alone = countAt(2);
  auto wordAt = [&](Value i) { return b.offset(b.offset(list, 4), b.mul(i, 2)); };
  auto wordTo = [&](Value i) { return b.offset(call.to, b.mul(i, kBytes)); };
  auto placeTo = [&](Value i) { return b.offset(call.places, b.mul(i, 4)); };
  constexpr int64_t kLanes = PackedLayout::kColumns;
  b.loop(b.i64(0), paired, kLanes, [&](Value i) { b.store(placesOf(wordAt(i), kLanes, call.copyBytes), placeTo(i)); });
  b.loop(b.i64(0), paired, 1, [&](Value i) {
    // Words of a panel are in no order that a machine would see: the next panel's are asked for.
    b.prefetch(b.offset(codes, b.mul(i, kBytes)), layout.panelBytes(K));
    unpackWord(call, codes, wordAt(i), wordTo(i));
  });
  b.loop(b.i64(0), alone, 1, [&](Value i) {
    Value word = wordAt(b.add(paired, i)), at = b.add(paired, b.mul(i, 2));
    unpackWord(call, codes, word, wordTo(at));
    b.store(b.splat(kBytes, 8, 0), wordTo(at), kBytes);
    Value place = b.extract(placesOf(word, 1, call.copyBytes), 0);
    b.store(place, placeTo(at));
    b.store(place, placeTo(at), 4);
  });
  return b.add(paired, b.mul(alone, 2));
}

} // namespace phic
