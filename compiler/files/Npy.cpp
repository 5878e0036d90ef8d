//===- Npy.cpp - Arrays as NumPy files -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Npy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace phic {
namespace {

const StringRef kMagic("\x93NUMPY\x01\x00", 8);
constexpr size_t kPrefix = 10; // magic, and the length of the dict
constexpr uint64_t kMostElements = uint64_t(1) << 40;

/// The sizes of "(2, 3, )" without the brackets.
bool readShape(StringRef text, SmallVectorImpl<int64_t> &shape) {
  SmallVector<StringRef> sizes;
  text.split(sizes, ',', -1, /*KeepEmpty=*/true);
  if (sizes.back().trim().empty()) // (), (2,) and phic's own
    sizes.pop_back();
  for (StringRef size : sizes)
    if (size.trim().getAsInteger(10, shape.emplace_back()) || shape.back() < 0)
      return false;
  return true;
}

/// The text up to `end`, of which it is removed.
StringRef takeUntil(StringRef &text, char end) {
  auto [before, after] = text.split(end);
  text = after;
  return before;
}

} // namespace

/// Magic, version, the length of the rest, a Python dict, blanks up to a multiple of 64.
std::string npyHeader(StringRef descr, ArrayRef<int64_t> shape) {
  std::string sizes;
  for (int64_t size : shape)
    sizes += std::to_string(size) + ", ";
  std::string dict = formatv("{{'descr': '{0}', 'fortran_order': False, 'shape': ({1}), }", descr, sizes).str();
  constexpr size_t kMultiple = 64;
  dict.append(kMultiple - (kPrefix + dict.size() + 1) % kMultiple, ' ');
  dict += '\n';
  std::string header = kMagic.str();
  header += char(dict.size() & 0xff);
  header += char(dict.size() >> 8);
  return header + dict;
}

uint64_t NpyContents::elements() const {
  uint64_t elements = 1;
  for (int64_t size : shape)
    elements = std::min(SaturatingMultiply(elements, uint64_t(size)), kMostElements);
  return elements;
}

uint64_t NpyContents::elementBytes() const {
  uint64_t bytes = 0;
  return descr.size() != 3 || !to_integer(descr.take_back(), bytes, 10) ? 0 : bytes;
}

Expected<NpyContents> readNpy(StringRef file) {
  if (file.size() < kPrefix || !file.starts_with(kMagic))
    return createStringError("is no .npy file of version 1.0");
  const size_t length = support::endian::read16le(file.data() + kMagic.size());
  StringRef dict = file.substr(kPrefix, length);
  NpyContents contents;
  contents.data = file.drop_front(std::min(file.size(), kPrefix + length));
  if (dict.size() != length || !dict.consume_front("{'descr': '"))
    return createStringError("is no .npy file as NumPy writes them");
  contents.descr = takeUntil(dict, '\'');
  if (!dict.consume_front(", 'fortran_order': "))
    return createStringError("is no .npy file as NumPy writes them");
  const bool isFortran = takeUntil(dict, ',') == "True";
  if (!dict.consume_front(" 'shape': (") || !readShape(takeUntil(dict, ')'), contents.shape))
    return createStringError("is no .npy file as NumPy writes them");
  if (isFortran && contents.shape.size() > 1)
    return createStringError("is in Fortran order; numpy.ascontiguousarray changes it");
  const uint64_t each = contents.elementBytes(), wanted = contents.elements() * each;
  if (!each)
    return createStringError("holds elements of type '" + contents.descr + "', which have no fixed size");
  if (contents.data.size() != wanted)
    return createStringError("has " + Twine(contents.data.size()) + " bytes of data, not " + Twine(wanted));
  return contents;
}

} // namespace phic
