//===- Npy.cpp - Arrays as NumPy files ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The header is a Python dict of three keys. NumPy writes them in one order and with one spelling; others are refused.
//===----------------------------------------------------------------------===//
#include "Npy.h"

#include "Os.h"

#include <string.h>

namespace phi {
namespace {

struct ElementText {
  const char *name, *descr;
};
/// In the order of phi_element.
constexpr ElementText kElements[] = {{"float32", "<f4"}, {"float16", "<f2"}, {"int8", "|i1"}, {"uint8", "|u1"},
                                     {"int32", "<i4"},   {"int64", "<i8"},   {"bool", "|b1"}};

constexpr uint64_t kPrefix = 10; // magic, version, length of the header
constexpr uint32_t kMostRank = 16;

/// Reads the header from its text, piece by piece.
struct Cursor {
  const char *at, *end;

  void skipBlanks() {
    while (at < end && *at == ' ')
      ++at;
  }
  /// Steps over `text`, if it is next.
  bool take(Text text) {
    skipBlanks();
    if (!Text(at, size_t(end - at)).startsWith(text))
      return false;
    at += text.size;
    return true;
  }
  /// What stands before the next `stop`, and steps over both.
  bool takeUntil(char stop, Text *text) {
    skipBlanks();
    const char *begin = at;
    while (at < end && *at != stop)
      ++at;
    if (at == end)
      return false;
    *text = Text(begin, size_t(at++ - begin));
    return true;
  }
};

struct Header {
  Text descr;
  bool isFortran = false;
  int64_t shape[kMostRank];
  uint32_t rank = 0;
};

bool readShape(Cursor *cursor, Header *header) {
  Text inside;
  if (!cursor->take("(") || !cursor->takeUntil(')', &inside))
    return false;
  Cursor sizes{inside.begin, inside.begin + inside.size};
  for (sizes.skipBlanks(); sizes.at < sizes.end; sizes.skipBlanks()) {
    const char *begin = sizes.at;
    while (sizes.at < sizes.end && *sizes.at != ',')
      ++sizes.at;
    if (header->rank == kMostRank ||
        !parseInteger(Text(begin, size_t(sizes.at - begin)), &header->shape[header->rank++]))
      return false;
    sizes.at += sizes.at < sizes.end;
  }
  return true;
}

bool readHeader(const uint8_t *bytes, uint64_t size, Header *header, uint64_t *dataAt) {
  if (size < kPrefix || memcmp(bytes, "\x93NUMPY\x01\x00", 8) != 0)
    return false;
  uint64_t length = bytes[8] | uint64_t(bytes[9]) << 8;
  *dataAt = kPrefix + length;
  if (*dataAt > size)
    return false;
  auto *text = reinterpret_cast<const char *>(bytes + kPrefix);
  Cursor cursor{text, text + length};
  if (!cursor.take("{'descr': '") || !cursor.takeUntil('\'', &header->descr) || !cursor.take(", 'fortran_order': "))
    return false;
  header->isFortran = cursor.take("True");
  return (header->isFortran || cursor.take("False")) && cursor.take(", 'shape': ") && readShape(&cursor, header);
}

/// Whether the header's axes from `first` on are the binding's.
bool hasShape(const Header &header, uint32_t first, const phi_binding &binding) {
  if (header.rank != first + binding.rank)
    return false;
  for (uint32_t i = 0; i < binding.rank; ++i)
    if (header.shape[first + i] != binding.shape[i])
      return false;
  return true;
}

bool checkHeader(const char *path, const Header &header, const phi_binding &binding, NpyArray *array, Writer &errors) {
  const ElementText &wanted = kElements[binding.element];
  errors << path << ": '" << binding.name << "' ";
  if (!(header.descr == Text(wanted.descr))) {
    errors << "is " << wanted.name << " ('" << wanted.descr << "'), this file holds '" << header.descr << "'\n";
    return false;
  }
  if (header.isFortran) {
    errors << "is in C order, this file in Fortran order; numpy.ascontiguousarray changes it\n";
    return false;
  }
  array->hasRuns = header.rank > 0 && hasShape(header, 1, binding);
  if (!array->hasRuns && !hasShape(header, 0, binding)) {
    errors << "is ";
    writeShape(binding, errors);
    errors << ", or that after an axis of runs; this file holds [";
    for (uint32_t i = 0; i < header.rank; ++i)
      errors << (i ? ", " : "") << header.shape[i];
    errors << "]\n";
    return false;
  }
  array->runs = array->hasRuns ? header.shape[0] : 1;
  if (array->runs == 0)
    errors << "is of no runs in this file\n";
  return array->runs != 0;
}

} // namespace

const char *elementName(uint32_t element) { return kElements[element].name; }

void writeShape(const phi_binding &binding, Writer &out) {
  out << '[';
  for (uint32_t i = 0; i < binding.rank; ++i)
    out << (i ? ", " : "") << binding.shape[i];
  out << ']';
}

bool openNpy(const char *path, const phi_binding &binding, NpyArray *array, Writer &errors) {
  const char *reason = nullptr;
  array->mapping = os::mapFile(path, &array->mappedBytes, &reason);
  if (!array->mapping) {
    errors << "cannot read " << path << ": " << reason << '\n';
    return false;
  }
  Header header;
  uint64_t dataAt = 0;
  if (!readHeader(array->mapping, array->mappedBytes, &header, &dataAt)) {
    errors << path << " is no .npy file of version 1.0\n";
    return false;
  }
  char text[512];
  Writer wrong(text, sizeof(text));
  if (!checkHeader(path, header, binding, array, wrong)) {
    errors << text;
    return false;
  }
  array->data = array->mapping + dataAt;
  const uint64_t each = bytesOf(binding), held = array->mappedBytes - dataAt;
  const bool isShort = array->runs < 0 || (each && uint64_t(array->runs) > held / each);
  if (!isShort && held == uint64_t(array->runs) * each)
    return true;
  errors << path << (isShort ? " is cut short: " : " goes on after its array: ") << "it has " << held
         << " bytes of data for " << array->runs << " times " << each << '\n';
  return false;
}

void closeNpy(NpyArray *array) {
  if (array->mapping)
    os::release(array->mapping, array->mappedBytes);
  array->mapping = nullptr;
}

bool createNpy(ResultFile *file, const char *path, const phi_binding &binding, int64_t runs, bool hasRuns) {
  if (!file->create(path))
    return false;
  char dict[512];
  Writer text(dict, sizeof(dict));
  text << "{'descr': '" << kElements[binding.element].descr << "', 'fortran_order': False, 'shape': (";
  if (hasRuns)
    text << runs << ", ";
  for (uint32_t i = 0; i < binding.rank; ++i)
    text << binding.shape[i] << ", ";
  text << "), }";
  // Blanks and a line's end up to a multiple of 64.
  const uint64_t used = kPrefix + Text(dict).size + 1, whole = (used + 63) / 64 * 64, length = whole - kPrefix;
  Writer out(file->file);
  out << Text("\x93NUMPY\x01\x00", 8) << char(length & 0xff) << char(length >> 8) << Text(dict);
  for (uint64_t i = used; i < whole; ++i)
    out << ' ';
  out << '\n';
  if (out.flush())
    return true;
  file->discard();
  return false;
}

} // namespace phi
