//===- UnpackPanels.cpp - Panels of a weight as words ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/UnpackPanels.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/code/CodePlanes.h"

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kColumns = PackedLayout::kColumns, kGroup = PackedLayout::kGroup, kPanelWordBytes = 4 * kColumns;

class Unpack {
public:
  Unpack(KernelBuilder &b, const PackedLayout &layout, int64_t K, int64_t panels, int64_t columns,
         const UnpackCall &call)
      : b(b), layout(layout), call(call), K(K), panelBytes(layout.panelBytes(K)), panels(panels), columns(columns) {}

  void floats() {
    Type stored = layout.element == Scalar::F32   ? Type(b.getF32Type())
                  : layout.element == Scalar::F16 ? Type(b.getF16Type())
                                                  : Type(b.getBF16Type());
    const int64_t rowBytes = kColumns * scalarBytes(layout.element);
    Value first = b.offset(call.rhs, b.mul(call.k, rowBytes));
    b.loop(b.i64(0), call.length, 1, [&](Value k) {
      Value from = b.offset(first, b.mul(k, rowBytes)), to = wordRow(k);
      overPanels(
          [&](int64_t at, int64_t p) { b.store(b.loadFloats(kColumns, stored, from, at), to, p * kPanelWordBytes); });
    });
  }

  void codesAsFloats() {
    llvm::SmallVector<Value> zeros;
    for (int64_t p = 0; p < columns / kColumns && call.zeros; ++p)
      zeros.push_back(b.toFloat(zerosOf(p)));
    overGroups([&](Value group, Value from) {
      Value to = wordRow(b.mul(group, kGroup));
      overPanels([&](int64_t at, int64_t p) {
        Value group = load(from, at);
        for (int64_t i = 0; i < kGroup; ++i) {
          Value code = codeAsFloat(group, i);
          b.store(zeros.empty() ? code : b.fsub(code, zeros[p]), to, i * 4 * columns + p * kPanelWordBytes);
        }
      });
    });
  }

  /// As Numerics has it: scale (code - zero) + min.
  void blocksAsFloats() {
    const int64_t step = layout.subBlock(), whole = K / layout.block, tail = K % layout.block;
    b.loop(b.i64(0), call.length, step, [&](Value done) {
      Value k = b.add(call.k, done), index = b.divide(k, layout.block), to = wordRow(done);
      Value tile = b.offset(call.rhs, b.mul(index, layout.tileBytes(layout.block)));
      Value codes = b.offset(tile, b.mul(b.sub(k, b.mul(index, layout.block)), layout.codeBytes(1)));
      // The parameters lie behind the codes, of which a row's last block may have fewer.
      auto parameters = [&](int64_t (PackedLayout::*place)(int64_t) const) {
        const int64_t inWhole = (layout.*place)(layout.block), inTail = tail ? (layout.*place)(tail) : inWhole;
        Value at = whole == 0 || inTail == inWhole
                       ? b.i64(inTail)
                       : b.select(b.less(index, b.i64(whole)), b.i64(inWhole), b.i64(inTail));
        return b.offset(tile, at);
      };
      const BlockPlaces places{codes, parameters(&PackedLayout::scaleOffset), parameters(&PackedLayout::zeroOffset),
                               parameters(&PackedLayout::minOffset)};
      overPanels([&](int64_t at, int64_t p) { storeBlock(places, at, b.offset(to, p * kPanelWordBytes)); });
    });
  }

  void bytes() {
    overGroups([&](Value group, Value from) {
      Value to = wordRow(group);
      overPanels([&](int64_t at, int64_t p) { b.store(load(from, at), to, p * kPanelWordBytes); });
    });
  }

  void shorts() {
    llvm::SmallVector<Value> zeros;
    for (int64_t p = 0; p < columns / kColumns && call.zeros; ++p)
      zeros.push_back(pairs(zerosOf(p)));
    overGroups([&](Value group, Value from) {
      Value to = wordRow(b.mul(group, 2));
      overPanels([&](int64_t at, int64_t p) {
        Value codes = load(from, at);
        for (int64_t half : {0, 1}) {
          Value wide = widened(codes, 2 * half);
          b.store(zeros.empty() ? wide : b.sub(wide, zeros[p]), to, half * 4 * columns + p * kPanelWordBytes);
        }
      });
    });
  }

private:
  KernelBuilder &b;
  const PackedLayout &layout;
  const UnpackCall &call;
  const int64_t K, panelBytes, panels, columns;

  Value wordRow(Value word) { return b.offset(call.to, b.mul(word, 4 * columns)); }
  Value load(Value from, int64_t at) { return b.load(b.vec(PackedLayout::kVectorBytes, b.getI8Type()), from, at); }

  Value zerosOf(int64_t p) {
    return b.load(b.vec(kColumns, b.getI32Type()), call.zeros, std::min(p, panels - 1) * kPanelWordBytes);
  }

  /// Of each panel of the words, where its weights lie behind those of the first one.
  void overPanels(llvm::function_ref<void(int64_t at, int64_t p)> body) {
    for (int64_t p = 0; p < columns / kColumns; ++p)
      body(std::min(p, panels - 1) * panelBytes, p);
  }

  void overGroups(llvm::function_ref<void(Value group, Value from)> body) {
    Value first = b.offset(call.rhs, b.mul(call.k, kColumns));
    b.loop(b.i64(0), b.divide(b.add(call.length, kGroup - 1), kGroup), 1,
           [&](Value g) { body(g, b.offset(first, b.mul(g, PackedLayout::kVectorBytes))); });
  }

  /// Some codes of the first panel, and the first of their block's numbers.
  struct BlockPlaces {
    Value codes, scale, zero, min;
  };

  /// A number of each column's block, in the type that the panel has it in.
  Value parameter(Scalar type, Value from, int64_t at) {
    if (type == Scalar::I8)
      return b.toFloat(
          arith::ExtSIOp::create(b, b.vec(kColumns, b.getI32Type()), b.load(b.vec(kColumns, b.getI8Type()), from, at)));
    return b.loadFloats(kColumns, type == Scalar::F16 ? Type(b.getF16Type()) : Type(b.getF32Type()), from, at);
  }

  /// The steps of a sub-block of the panel `at` bytes behind the first.
  void storeBlock(const BlockPlaces &places, int64_t at, Value to) {
    Value scale = parameter(layout.scale, places.scale, at), min;
    Value zero = layout.zero == Scalar::None ? b.splat(kColumns, float(layout.storedZero()))
                                             : parameter(layout.zero, places.zero, at);
    if (layout.min != Scalar::None)
      min = parameter(layout.min, places.min, at);
    const int64_t run = layout.runElements();
    for (int64_t first = 0; first < layout.subBlock(); first += run) {
      auto groups = unpackGroups(b, layout, 0, run / kGroup, [&](int64_t behind) {
        return load(places.codes, at + layout.codeBytes(first) + behind);
      });
      for (auto [g, group] : llvm::enumerate(groups))
        for (int64_t i = 0; i < kGroup; ++i) {
          Value value = b.fmul(scale, b.fsub(codeAsFloat(group, i), zero));
          b.store(min ? b.fadd(value, min) : value, to, (first + int64_t(g) * kGroup + i) * 4 * columns);
        }
    }
  }

  /// Element i of each column of a group.
  Value codeAsFloat(Value group, int64_t i) {
    Value lanes = b.bitcast(b.vec(kColumns, b.getI32Type()), group);
    Value upper = arith::ShLIOp::create(b, lanes, b.splat(kColumns, 32, 24 - 8 * i)), down = b.splat(kColumns, 32, 24);
    const bool isSigned = layout.kind == PackedLayout::Kind::CodePanel || layout.storedCodes().isSigned;
    return b.toFloat(isSigned ? Value(arith::ShRSIOp::create(b, upper, down))
                              : Value(arith::ShRUIOp::create(b, upper, down)));
  }

  /// Elements i and i + 1 of each column as s16: into the upper bytes, then down with their sign.
  Value widened(Value codes, int64_t i) {
    constexpr int32_t kZero = PackedLayout::kVectorBytes; // the first byte of the other vector
    llvm::SmallVector<int32_t> places;
    for (int32_t c = 0; c < kColumns; ++c)
      for (int32_t element : {0, 1}) {
        places.push_back(kZero);
        places.push_back(int32_t(kGroup) * c + int32_t(i) + element);
      }
    VectorType shorts = b.vec(2 * kColumns, b.getI16Type());
    Value upper = LLVM::ShuffleVectorOp::create(b, codes, b.splat(PackedLayout::kVectorBytes, 8, 0), places);
    return arith::ShRSIOp::create(b, b.bitcast(shorts, upper), b.splat(2 * kColumns, 16, 8));
  }

  /// The lower half of each i32, twice.
  Value pairs(Value numbers) {
    Value upper = arith::ShLIOp::create(b, numbers, b.splat(kColumns, 32, 16)),
          lower = arith::AndIOp::create(b, numbers, b.splat(kColumns, 32, 0xffff));
    return b.bitcast(b.vec(2 * kColumns, b.getI16Type()), arith::OrIOp::create(b, upper, lower));
  }
};

} // namespace

void emitUnpackPanels(KernelBuilder &b, const PackedLayout &layout, int64_t K, WordKind words, int64_t panels,
                      int64_t columns, const UnpackCall &call) {
  Unpack unpack(b, layout, K, panels, columns, call);
  switch (words) {
  case WordKind::F32:
    return layout.kind == PackedLayout::Kind::CodePanel    ? unpack.codesAsFloats()
           : layout.kind == PackedLayout::Kind::BlockPanel ? unpack.blocksAsFloats()
                                                           : unpack.floats();
  case WordKind::S16:
    return unpack.shorts();
  case WordKind::Bytes:
    return unpack.bytes();
  }
}

} // namespace phic
