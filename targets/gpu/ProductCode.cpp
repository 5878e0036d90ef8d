//===- ProductCode.cpp - Products of rows, or windows, and weights -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/gpu/ProductCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/stages/Constants.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

constexpr int64_t kColumns = PackedLayout::kColumns, kGroup = PackedLayout::kGroup;

/// Of the operand that holds the weights. What is no packed matrix is rows as activations are.
PackedLayout layoutOf(const StageFacts &facts, phiq::ContractOp op) {
  const StageBuffer &buffer = facts.inputs[cast<BlockArgument>(throughReshapes(op.getW())).getArgNumber()];
  return buffer.space == StageBuffer::Space::Weights ? buffer.layout : PackedLayout::dense();
}

bool isByte(Type element) { return element.isInteger(8); }

} // namespace

ProductCode::ProductCode(GridCode &g, phiq::ContractOp op)
    : g(g), b(g.b), op(op), M(op.getRows()), N(op.getColumns()), K(op.getK()),
      taps(op.getKernel() ? (*op.getKernel())[0] * (*op.getKernel())[1] : 1), C(K / taps),
      xElement(elementTypeOf(op.getX())), wElement(elementTypeOf(op.getW())), layout(layoutOf(g.s.facts, op)),
      weight(b, layout, K) {}

void ProductCode::beginColumn(Value ofProduct, Value ofColumn) {
  product = ofProduct;
  column = ofColumn;
  Value base = g.base(op.getW());
  if (layout.kind == PackedLayout::Kind::Dense) {
    Value row = b.extend(b.add(b.mul(product, N), column));
    weightRow = b.offset(base, b.mul(row, K * elementBytes(wElement)));
  } else {
    Value panelIndex;
    std::tie(panelIndex, inPanel) = b.divideRest(column, kColumns);
    panel = weight.panelAt(base, panelIndex);
  }
  if (op.getXZero())
    xZero = g.loadNumber(op.getXZero(), b.i32(0));
  const int64_t shift = layout.kind == PackedLayout::Kind::CodePanel ? layout.codeShift() : 0;
  const std::optional<int64_t> known = op.getWZero() ? constantOf(g.s.facts, op.getWZero()) : 0;
  if (!known)
    wZero = b.add(g.loadNumber(op.getWZero(), column), -shift);
  else if (*known != shift)
    wZero = b.i32(int32_t(*known - shift));
}

std::string ProductCode::keyOf(const StageFacts &facts, phiq::ContractOp op) {
  const std::optional<int64_t> known = op.getWZero() ? constantOf(facts, op.getWZero()) : 0;
  return known ? "zero " + std::to_string(*known) + ";" : "";
}

ProductCode::Values ProductCode::start(size_t rows) { return Values(rows, op.isFloat() ? b.f32(0) : b.i32(0)); }

ProductCode::Pixel ProductCode::pixelOf(Value row, Value tap) {
  if (!op.getKernel())
    return {b.mul(b.add(b.mul(product, M), row), K), Value()};
  ArrayRef<int64_t> x = shapeOf(op.getX()), y = shapeOf(op.getResult());
  auto [images, j] = b.divideRest(row, y[2]);
  auto [image, i] = b.divideRest(images, y[1]);
  auto [t0, t1] = b.divideRest(tap, (*op.getKernel())[1]);
  Value isInside;
  auto along = [&](size_t axis, Value window, Value t) {
    Value at = b.add(b.mul(window, (*op.getStrides())[axis]), b.mul(t, (*op.getDilations())[axis]));
    at = b.sub(at, b.i32(int32_t((*op.getPads())[axis])));
    // As an unsigned number, a negative one is large.
    Value is = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, at, b.i32(int32_t(x[1 + axis])));
    isInside = isInside ? b.both(isInside, is) : is;
    return at;
  };
  Value p = along(0, i, t0), q = along(1, j, t1);
  Value first = b.mul(b.add(b.mul(b.add(b.mul(image, x[1]), p), x[2]), q), x[3]);
  return {b.select(isInside, first, b.i32(0)), isInside};
}

/// Of codes without their zero point; pads are 0.
Value ProductCode::element(const Pixel &pixel, Value c) {
  Value x = g.load(op.getX(), b.add(pixel.first, c));
  if (xZero)
    x = b.sub(x, xZero);
  if (!pixel.isInside)
    return x;
  return b.select(pixel.isInside, x, xElement.isF32() ? b.f32(0) : b.i32(0));
}

/// As element: codes less their zero point.
Value ProductCode::weightAt(Value k) {
  Value w;
  switch (layout.kind) {
  case PackedLayout::Kind::FloatPanel:
    return weight.number(panel, inPanel, k);
  case PackedLayout::Kind::Dense:
    w = g.loadFrom(wElement, g.place(weightRow, wElement, k));
    break;
  case PackedLayout::Kind::CodePanel: {
    auto [group, rest] = b.divideRest(k, kGroup);
    Value at = b.add(b.add(b.mul(group, PackedLayout::kVectorBytes), b.mul(inPanel, kGroup)), rest);
    Value code = b.load(b.getI8Type(), b.offset(panel, at), 0, /*constant=*/true);
    w = layout.storedCodes().isSigned ? Value(arith::ExtSIOp::create(b, b.getI32Type(), code))
                                      : Value(arith::ExtUIOp::create(b, b.getI32Type(), code));
    break;
  }
  case PackedLayout::Kind::BlockPanel:
    llvm_unreachable("goes by blocks");
  }
  return wZero ? b.sub(w, wZero) : w;
}

Value ProductCode::addProduct(Value x, Value w, Value sum) {
  if (!op.isFloat())
    return b.add(b.mul(x, w), sum);
  return b.fma(x, w.getType().isInteger(32) ? b.toFloat(w) : w, sum);
}

ProductCode::Values ProductCode::sums(Value ofProduct, ArrayRef<Value> rows, Value column) {
  beginColumn(ofProduct, column);
  if (layout.kind == PackedLayout::Kind::BlockPanel)
    return sumsOfBlocks(rows.size(), [&](size_t row, Value k) {
      auto [tap, c] = b.divideRest(k, C);
      return element(pixelOf(rows[row], taps == 1 ? b.i32(0) : tap), taps == 1 ? k : c);
    });
  if (goesByWords())
    return sumsOfWords(rows);
  auto overPixel = [&](Value tap, Values carried) {
    SmallVector<Pixel> pixels = llvm::map_to_vector(rows, [&](Value row) { return pixelOf(row, tap); });
    Value first = b.mul(tap, C);
    return b.loop(b.i32(0), b.i32(int32_t(C)), 1, carried, [&](Value c, ValueRange carried) {
      Values sums(carried);
      Value w = weightAt(b.add(first, c));
      for (auto [pixel, sum] : llvm::zip(pixels, sums))
        sum = addProduct(element(pixel, c), w, sum);
      return sums;
    });
  };
  if (taps == 1)
    return overPixel(b.i32(0), start(rows.size()));
  return b.loop(b.i32(0), b.i32(int32_t(taps)), 1, start(rows.size()),
                [&](Value tap, ValueRange carried) { return overPixel(tap, Values(carried)); });
}

Value ProductCode::sumOf(function_ref<Value(Value)> elementAt, Value ofProduct, Value column) {
  beginColumn(ofProduct, column);
  auto held = [&](Value k) {
    Value x = elementAt(k);
    return xZero ? b.sub(x, xZero) : x;
  };
  if (layout.kind == PackedLayout::Kind::BlockPanel)
    return sumsOfBlocks(1, [&](size_t, Value k) { return held(k); })[0];
  return b.loop(b.i32(0), b.i32(int32_t(K)), 1, start(1),
                [&](Value k, ValueRange sum) { return Values{addProduct(held(k), weightAt(k), sum[0])}; })[0];
}

/// Runs of a column, each with one block's numbers. What is padded behind K has a weight that nobody asks for.
ProductCode::Values ProductCode::sumsOfBlocks(size_t rows, function_ref<Value(size_t, Value)> elementAt) {
  return b.loop(b.i32(0), b.i32(int32_t(weight.runs())), 1, start(rows), [&](Value run, ValueRange carried) {
    Values sums(carried);
    auto words = weight.codes(panel, inPanel, run);
    const BlockNumbers numbers = weight.numbers(panel, inPanel, run);
    for (int64_t i = 0; i < weight.runElements(); ++i) {
      Value w = weight.valueOf(numbers, weight.codeOf(words[size_t(i / kGroup)], i % kGroup));
      Value k = b.add(b.mul(run, weight.runElements()), i);
      if (weight.isPadded()) {
        w = b.select(b.less(k, K), w, b.f32(0));
        k = b.minimum(k, b.i32(int32_t(K - 1)));
      }
      for (auto [row, sum] : llvm::enumerate(sums))
        sum = addProduct(elementAt(row, k), w, sum);
    }
    return sums;
  });
}

//===----------------------------------------------------------------------===//
// Words of four codes
//===----------------------------------------------------------------------===//

bool ProductCode::goesByWords() const {
  return isByte(xElement) && isByte(wElement) && C % kGroup == 0 &&
         (isPanel() || layout.kind == PackedLayout::Kind::Dense);
}

/// Pads are the zero point of x, so that all K elements count.
Value ProductCode::wordAt(const Pixel &pixel, Value c) {
  Value word = b.load(b.getI32Type(), g.place(g.base(op.getX()), xElement, b.add(pixel.first, c)), 0, true);
  if (!pixel.isInside)
    return word;
  return b.select(pixel.isInside, word, xZero ? b.mul(b.bitAnd(xZero, 0xff), ones()) : b.i32(0));
}

Value ProductCode::weightWordAt(Value k) {
  Value at = k;
  if (isPanel())
    at = b.add(b.mul(k, kColumns), b.mul(inPanel, kGroup));
  return b.load(b.getI32Type(), b.offset(panel ? panel : weightRow, at), 0, /*constant=*/true);
}

/// Of each row the sum of products, then those of their codes and of the weights', as far as they are wanted.
ProductCode::Values ProductCode::sumsOfWords(ArrayRef<Value> rows) {
  const size_t count = rows.size();
  auto overPixel = [&](Value tap, Values carried) {
    SmallVector<Pixel> pixels = llvm::map_to_vector(rows, [&](Value row) { return pixelOf(row, tap); });
    Value first = b.mul(tap, C);
    return b.loop(b.i32(0), b.i32(int32_t(C)), kGroup, carried, [&](Value c, ValueRange carried) {
      Values sums(carried);
      Value w = weightWordAt(b.add(first, c));
      for (size_t row = 0; row < count; ++row) {
        Value x = wordAt(pixels[row], c);
        sums[row] = addUnits(x, w, sums[row]);
        if (wantsRowSums())
          sums[count + row] = addRowCodes(x, sums[count + row]);
      }
      if (wantsColumnSums())
        sums.back() = addColumnCodes(w, sums.back());
      return sums;
    });
  };
  Values zeros(count * (wantsRowSums() ? 2 : 1) + (wantsColumnSums() ? 1 : 0), b.i32(0));
  Values found = taps == 1 ? overPixel(b.i32(0), zeros)
                           : b.loop(b.i32(0), b.i32(int32_t(taps)), 1, zeros,
                                    [&](Value tap, ValueRange carried) { return overPixel(tap, Values(carried)); });
  Values sums;
  for (size_t row = 0; row < count; ++row)
    sums.push_back(withoutZeros(found[row], wantsRowSums() ? found[count + row] : Value(),
                                wantsColumnSums() ? found.back() : Value()));
  return sums;
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

Value ProductCode::rowUnit(Value row, Value k) {
  const int64_t unit = goesByWords() ? kGroup : 1;
  auto [tap, c] = b.divideRest(k, C / unit);
  if (taps == 1)
    std::tie(tap, c) = std::pair(b.i32(0), k);
  const Pixel pixel = pixelOf(row, tap);
  return unit == 1 ? element(pixel, c) : wordAt(pixel, b.mul(c, unit));
}

Value ProductCode::columnUnit(Value k) {
  if (goesByWords())
    return weightWordAt(b.mul(k, kGroup));
  if (layout.kind == PackedLayout::Kind::BlockPanel)
    return weight.element(g.base(op.getW()), column, k);
  Value w = weightAt(k);
  return op.isFloat() && w.getType().isInteger(32) ? b.toFloat(w) : w;
}

Value ProductCode::addUnits(Value x, Value w, Value sum) {
  return goesByWords() ? b.dot4(x, xSigned(), w, wSigned(), sum) : addProduct(x, w, sum);
}

Value ProductCode::withoutZeros(Value sum, Value ofRow, Value ofColumn) {
  if (!goesByWords())
    return sum;
  if (xZero) {
    if (isPanel())
      ofColumn = b.load(b.getI32Type(), b.offset(panel, b.mul(inPanel, 4)), layout.sumOffset(K), /*constant=*/true);
    sum = b.sub(sum, b.mul(xZero, ofColumn));
  }
  return wZero ? b.sub(sum, b.mul(wZero, xZero ? b.sub(ofRow, b.mul(xZero, K)) : ofRow)) : sum;
}

} // namespace phic::gpu_code
