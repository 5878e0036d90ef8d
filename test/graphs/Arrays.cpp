//===- Arrays.cpp - Numbers of tests, and whether they are equal ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/graphs/Arrays.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/Npy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>
#include <cstring>

namespace phic::test {
namespace {

template <typename T> T element(const Array &array, size_t i) {
  T value;
  std::memcpy(&value, array.bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T> void set(Array &array, const Rows &rows) {
  for (size_t i = 0; i < array.elements(); ++i) {
    const T value = std::is_floating_point_v<T> ? T(rows.values[i]) : T(rows.integers[i]);
    std::memcpy(array.bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
}

struct ElementKind {
  llvm::StringRef descr;
  size_t bytes;
  void (*set)(Array &, const Rows &);
  double (*get)(const Array &, size_t);
  int64_t (*integer)(const Array &, size_t);
};
template <typename T> constexpr ElementKind kindOf(llvm::StringRef descr) {
  return {descr, sizeof(T), set<T>, [](const Array &array, size_t i) { return double(element<T>(array, i)); },
          [](const Array &array, size_t i) { return int64_t(element<T>(array, i)); }};
}
constexpr ElementKind kKinds[] = {kindOf<float>("<f4"),   kindOf<int8_t>("|i1"),  kindOf<uint8_t>("|u1"),
                                  kindOf<int32_t>("<i4"), kindOf<int64_t>("<i8"), kindOf<uint8_t>("|b1")};

const ElementKind *findKind(llvm::StringRef descr) {
  const auto *kind = llvm::find_if(kKinds, [&](const ElementKind &kind) { return kind.descr == descr; });
  return kind == std::end(kKinds) ? nullptr : kind;
}

const ElementKind &kindOf(mlir::Type type) {
  auto integer = llvm::dyn_cast<mlir::IntegerType>(type);
  const bool isUnsigned = integer && integer.isUnsigned();
  const ElementKind *kind = findKind(!integer                   ? "<f4"
                                     : integer.getWidth() == 1  ? "|b1"
                                     : integer.getWidth() <= 8  ? (isUnsigned ? "|u1" : "|i1")
                                     : integer.getWidth() == 32 ? "<i4"
                                                                : "<i8");
  return *kind;
}

std::string numberText(double value) {
  char text[32];
  snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

bool isClose(double found, double expected, Tolerance tolerance) {
  if (!std::isfinite(expected) || !std::isfinite(found))
    return found == expected || (std::isnan(expected) && std::isnan(found));
  return std::fabs(found - expected) <= tolerance.absolute + tolerance.relative * std::fabs(expected);
}

} // namespace

size_t Array::elements() const {
  size_t count = 1;
  for (int64_t size : shape)
    count *= size_t(size);
  return count;
}

double Array::number(size_t i) const { return findKind(descr)->get(*this, i); }

std::string Array::text(size_t i) const {
  return descr == "<f4" ? numberText(number(i)) : std::to_string(findKind(descr)->integer(*this, i));
}

llvm::Expected<Array> readArray(const std::string &path) {
  auto file = mapInput(path);
  if (!file)
    return file.takeError();
  llvm::Expected<NpyContents> contents = readNpy((*file)->getBuffer());
  if (!contents)
    return contents.takeError();
  return Array{contents->descr.str(),
               {contents->shape.begin(), contents->shape.end()},
               {contents->data.begin(), contents->data.end()}};
}

Array arrayOf(mlir::RankedTensorType type) {
  const ElementKind &kind = kindOf(type.getElementType());
  Array array{kind.descr.str(), type.getShape().vec(), {}};
  array.bytes.resize(array.elements() * kind.bytes);
  return array;
}

void setElements(Array &array, const Rows &rows) { findKind(array.descr)->set(array, rows); }

Rows rowsOf(const Array &array) {
  Rows result;
  result.rows = array.shape.empty() ? 1 : array.shape.front();
  const size_t count = array.elements();
  result.columns = result.rows ? int64_t(count) / result.rows : 0;
  for (size_t i = 0; i < count; ++i)
    if (array.descr == "<f4")
      result.values.push_back(element<float>(array, i));
    else
      result.integers.push_back(findKind(array.descr)->integer(array, i));
  return result;
}

std::string typeText(const Array &array) {
  return array.descr + " [" +
         llvm::join(llvm::map_range(array.shape, [](int64_t n) { return std::to_string(n); }), ", ") + "]";
}

std::string difference(const Array &found, const Array &expected, Tolerance tolerance) {
  if (typeText(found) != typeText(expected))
    return "is " + typeText(found) + " instead of " + typeText(expected);
  size_t wrong = 0, first = 0;
  for (size_t i = found.elements(); i-- > 0;)
    if (!isClose(found.number(i), expected.number(i), found.descr == "<f4" ? tolerance : Tolerance{}))
      ++wrong, first = i;
  if (!wrong)
    return "";
  return "has " + std::to_string(wrong) + " of " + std::to_string(found.elements()) + " elements wrong, the first at " +
         std::to_string(first) + ": " + numberText(found.number(first)) + " instead of " +
         numberText(expected.number(first));
}

} // namespace phic::test
