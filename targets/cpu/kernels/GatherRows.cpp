//===- GatherRows.cpp - Rows of a window as words --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A run is copied a vector at a time, the last one back from its end, so that nothing is read or written beside it.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/GatherRows.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace phic {

bool WindowShape::readsPads() const {
  const std::array<int64_t, 2> size{height, width};
  for (int axis : {0, 1}) {
    const int64_t last = (result[axis] - 1) * strides[axis] - pads[axis] + (kernel[axis] - 1) * dilations[axis];
    if (pads[axis] > 0 || last >= size[axis])
      return true;
  }
  return false;
}

namespace {

/// Elements that one step of a copy takes: what 64 bytes of words hold, if that divides a pixel, else less of them.
int64_t stepFor(int64_t channels, int64_t bytes) {
  constexpr int64_t kMostBytes = 64, kLeast = 16;
  for (int64_t step = kMostBytes / bytes; step > kLeast; step /= 2)
    if (channels % step == 0)
      return step;
  return kLeast;
}

class Gather {
public:
  Gather(KernelBuilder &b, const RowSource &source, int64_t K, WordKind words, const GatherCall &call)
      : b(b), source(source), words(words), call(call), window(source.window.value_or(WindowShape{.channels = K})),
        isPlain(!source.window), runElements(window.runPixels() * window.channels), toBytes(4 / elementsOf(words)),
        step(stepFor(window.channels, toBytes)), end(b.add(call.k, call.length)) {
    fillValue = converted(call.fill ? call.fill : zeroElement(), 0);
  }

  void emit(int64_t K) {
    Value firstRun = b.divide(call.k, runElements), lastRun = b.divide(b.add(end, runElements - 1), runElements);
    b.loop(b.i64(0), call.count, 1, [&](Value i) {
      Value row = b.add(call.row, i), to = b.offset(call.to, b.mul(i, kWordRowBytes));
      if (words == WordKind::S16 && K % 2 != 0) // the last element's partner
        b.store(b.i32(0), b.offset(to, b.mul(b.divide(b.sub(call.length, b.i64(1)), 2), 4)));
      place(row);
      b.loop(firstRun, lastRun, 1, [&](Value run) { emitRun(run, to); });
    });
  }

private:
  KernelBuilder &b;
  const RowSource &source;
  const WordKind words;
  const GatherCall &call;
  const WindowShape window;
  const bool isPlain;
  const int64_t runElements, toBytes, step;
  Value end, fillValue;
  Value rowBase, image, top,
      left; ///< of the row: its first element; the image's first pixel row and the window's corner

  Type elementType() { return source.element == RowSource::Element::F32 ? Type(b.getF32Type()) : Type(b.getI8Type()); }
  Value zeroElement() { return arith::ConstantOp::create(b, b.getZeroAttr(elementType())); }

  /// Where the row's window lies.
  void place(Value row) {
    if (isPlain) {
      rowBase = b.offset(call.base, b.mul(row, source.rowBytes));
      return;
    }
    const int64_t perImage = window.result[0] * window.result[1];
    Value n = b.divide(row, perImage), inImage = b.sub(row, b.mul(n, perImage));
    Value i = b.divide(inImage, window.result[1]), j = b.sub(inImage, b.mul(i, window.result[1]));
    image = b.mul(n, window.height);
    top = b.add(b.mul(i, window.strides[0]), -window.pads[0]);
    left = b.add(b.mul(j, window.strides[1]), -window.pads[1]);
  }

  /// The part of a run that lies in [k, end), of pads and of what is inside.
  void emitRun(Value run, Value to) {
    Value first = b.mul(run, runElements);
    Value begin = b.maximum(b.sub(call.k, first), b.i64(0)), stop = b.minimum(b.sub(end, first), b.i64(runElements));
    to = b.offset(to, b.mul(b.sub(first, call.k), toBytes));
    if (isPlain)
      return copy(rowBase, to, begin, stop);
    const int64_t perRow = window.runsPerRow();
    Value a = b.divide(run, perRow), c = b.sub(run, b.mul(a, perRow));
    Value h = b.add(top, b.mul(a, window.dilations[0])), w = b.add(left, b.mul(c, window.dilations[1]));
    Value pixel = b.add(b.mul(b.add(image, h), window.width), w);
    Value from = b.offset(call.base, b.mul(pixel, window.channels * source.elementBytes()));
    if (!window.readsPads())
      return copy(from, to, begin, stop);
    const int64_t pixels = window.runPixels();
    auto clamp = [&](Value at) { return b.minimum(b.maximum(at, b.i64(0)), b.i64(pixels)); };
    Value inside = arith::AndIOp::create(b, b.less(b.i64(-1), h), b.less(h, b.i64(window.height)));
    Value low = b.mul(clamp(b.sub(b.i64(0), w)), window.channels),
          high = b.mul(clamp(b.sub(b.i64(window.width), w)), window.channels);
    low = b.select(inside, low, b.i64(runElements));
    high = b.maximum(b.select(inside, high, b.i64(runElements)), low);
    fill(to, begin, b.minimum(stop, low));
    copy(from, to, b.maximum(begin, low), b.minimum(stop, high));
    fill(to, b.maximum(begin, high), stop);
  }

  /// Whether every piece of a run is whole steps.
  bool hasWholeSteps() const { return window.channels % step == 0; }

  /// `several(at)` takes a step's elements from `at` on, `single(at)` one.
  void overElements(Value begin, Value stop, llvm::function_ref<void(Value at)> several,
                    llvm::function_ref<void(Value at)> single) {
    Value lastStep = b.sub(stop, b.i64(step - 1));
    b.loop(begin, lastStep, step, several);
    if (hasWholeSteps())
      return;
    Value count = b.sub(stop, begin);
    b.when(
        b.less(count, b.i64(step)), [&] { b.loop(begin, stop, 1, single); },
        [&] { several(b.sub(stop, b.i64(step))); });
  }

  void copy(Value from, Value to, Value begin, Value stop) {
    auto move = [&](Value at, Type type, int64_t count) {
      Value value = b.load(type, b.offset(from, b.mul(at, source.elementBytes())));
      b.store(converted(value, count), b.offset(to, b.mul(at, toBytes)));
    };
    overElements(
        begin, stop, [&](Value at) { move(at, b.vec(step, elementType()), step); },
        [&](Value at) { move(at, elementType(), 0); });
  }

  void fill(Value to, Value begin, Value stop) {
    Value splat = b.broadcast(step, fillValue);
    overElements(
        begin, stop, [&](Value at) { b.store(splat, b.offset(to, b.mul(at, toBytes))); },
        [&](Value at) { b.store(fillValue, b.offset(to, b.mul(at, toBytes))); });
  }

  /// One element (`count` 0) or a vector as the words hold it.
  Value converted(Value value, int64_t count) {
    auto typed = [&](Type element) { return count ? Type(b.vec(count, element)) : element; };
    auto constant = [&](Type element, int64_t number) -> Value {
      TypedAttr one = b.getIntegerAttr(element, number);
      if (count)
        one = SplatElementsAttr::get(b.vec(count, element), Attribute(one));
      return arith::ConstantOp::create(b, one);
    };
    switch (words) {
    case WordKind::F32:
      return value;
    case WordKind::Bytes:
      return source.element == RowSource::Element::S8
                 ? Value(arith::XOrIOp::create(b, value, constant(b.getI8Type(), -128)))
                 : value;
    case WordKind::S16:
      break;
    }
    Type wide = typed(b.getI16Type());
    Value code = source.element == RowSource::Element::S8 ? Value(arith::ExtSIOp::create(b, wide, value))
                                                          : Value(arith::ExtUIOp::create(b, wide, value));
    if (!call.zero)
      return code;
    Value zero = arith::TruncIOp::create(b, b.getI16Type(), call.zero);
    return b.sub(code, count ? b.broadcast(count, zero) : zero);
  }
};

} // namespace

void emitGather(KernelBuilder &b, const RowSource &source, int64_t K, WordKind words, const GatherCall &call) {
  Gather(b, source, K, words, call).emit(K);
}

Value wordsOf(KernelBuilder &b, WordKind words, Value length) {
  const int64_t perWord = elementsOf(words);
  return b.divide(b.add(length, perWord - 1), perWord);
}

void emitClearEnds(KernelBuilder &b, WordKind words, int64_t step, Value to, Value count, Value length) {
  Value at = b.minimum(b.mul(b.divide(length, step * elementsOf(words)), step), b.i64(kChunkWords - step));
  Value zeros = b.splat(step, 32, 0);
  b.loop(b.i64(0), count, 1,
         [&](Value r) { b.store(zeros, b.offset(b.offset(to, b.mul(at, 4)), b.mul(r, kWordRowBytes))); });
}

} // namespace phic
