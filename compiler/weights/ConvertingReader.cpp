//===- ConvertingReader.cpp - Weights in another format --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/ConvertingReader.h"
#include "dialects/phiq/Numerics.h"
#include <cassert>

namespace phic {

ConvertingReader::ConvertingReader(const WeightSpec &result, const WeightConversion &conversion,
                                   std::unique_ptr<WeightReader> source)
    : WeightReader(result), source(std::move(source)) {
  if (result.format)
    quantizer = RowQuantizer::create(conversion.method, *result.format, conversion.statistics);
}

llvm::Expected<std::unique_ptr<ConvertingReader>> ConvertingReader::create(const WeightSpec &spec) {
  WeightSpec stored = spec;
  stored.conversion.reset();
  llvm::Expected<std::unique_ptr<WeightReader>> source = WeightReader::create(stored);
  if (!source)
    return source.takeError();
  WeightSpec result = spec;
  result.format = spec.conversion->format;
  result.element = spec.conversion->element;
  return std::unique_ptr<ConvertingReader>(new ConvertingReader(result, *spec.conversion, std::move(*source)));
}

void ConvertingReader::readRows(int64_t n0, int64_t count, BlockRow *rows) const {
  assert(quantizer && "a weight of floats has no codes; ask format() first");
  std::vector<float> values(size_t(count * columns()));
  source->dequantizeRows(n0, count, values.data());
  quantizer->quantizeRows(n0, count, columns(), values.data(), rows);
}

void ConvertingReader::dequantizeRows(int64_t n0, int64_t count, float *values) const {
  std::vector<BlockRow> rows;
  source->dequantizeRows(n0, count, values);
  convert(n0, count, values, rows);
}

void ConvertingReader::readBoth(int64_t n0, int64_t count, float *stored, float *converted,
                                std::vector<BlockRow> &rows) const {
  source->dequantizeRows(n0, count, stored);
  std::copy(stored, stored + count * columns(), converted);
  convert(n0, count, converted, rows);
}

void ConvertingReader::convert(int64_t n0, int64_t count, float *values, std::vector<BlockRow> &rows) const {
  if (!quantizer) {
    for (int64_t i = 0; i < count * columns(); ++i)
      values[i] = roundTo(element(), values[i]);
    return;
  }
  rows.resize(size_t(count));
  quantizer->quantizeRows(n0, count, columns(), values, rows.data());
  for (int64_t r = 0; r < count; ++r)
    dequantizeRow(rows[size_t(r)], *format(), values + r * columns());
}

} // namespace phic
