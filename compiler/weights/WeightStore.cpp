//===- WeightStore.cpp - Mapped files behind weight handles ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file that shrinks while it is mapped would fault: like every compiler that
// maps its inputs, phic requires that they do not change while it runs.
//===----------------------------------------------------------------------===//
#include "compiler/weights/WeightStore.h"
#include "compiler/files/InputFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/xxhash.h"
#include <sys/mman.h>

using namespace llvm;

namespace phic {

namespace {

Error fail(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

constexpr StringLiteral kDerived = "derived:"; // PhiqDialect::kDerivedFile; there is no MLIR in here

/// The IR names files; it must not be able to name any file of the machine.
bool leadsOut(StringRef name) {
  return name.empty() || sys::path::is_absolute(name) ||
         llvm::is_contained(make_range(sys::path::begin(name), sys::path::end(name)), "..");
}

} // namespace

/// One mapped file; an empty file has no region.
struct WeightStore::Mapping {
  std::optional<sys::fs::mapped_file_region> region;
  ArrayRef<uint8_t> bytes;

  Error map(int file, const Twine &path) {
    sys::fs::file_status status;
    if (std::error_code error = sys::fs::status(file, status))
      return fail("cannot read '" + path + "': " + error.message());
    std::error_code error;
    if (uint64_t size = status.getSize()) {
      region.emplace(file, sys::fs::mapped_file_region::readonly, size, /*offset=*/0, error);
      if (error)
        return fail("cannot map '" + path + "': " + error.message());
      bytes = {reinterpret_cast<const uint8_t *>(region->const_data()), size_t(size)};
    }
    return Error::success();
  }
};

WeightStore::WeightStore() = default;
WeightStore::~WeightStore() = default;

Expected<std::unique_ptr<WeightStore>> WeightStore::open(StringRef directory, ArrayRef<std::string> files) {
  auto store = std::make_unique<WeightStore>();
  if (Error failure = store->map(directory, files))
    return failure;
  return store;
}

Error WeightStore::map(StringRef directory, ArrayRef<std::string> files) {
  names.clear();
  mappings.clear();
  verified.clear();
  for (const std::string &name : files) {
    if (leadsOut(name))
      return fail("'" + name + "' leads out of the model's folder");
    auto mapping = std::make_unique<Mapping>();
    if (!isDerived(name)) {
      SmallString<256> path(directory);
      sys::path::append(path, name);
      Expected<InputFile> file = InputFile::open(path);
      if (!file)
        return file.takeError();
      if (Error failure = mapping->map(sys::fs::convertFDToNativeFile(file->descriptor()), path))
        return failure;
    }
    names.push_back(name);
    mappings.push_back(std::move(mapping));
  }
  return Error::success();
}

bool WeightStore::isDerived(StringRef name) { return name.starts_with(kDerived); }

Expected<uint32_t> WeightStore::mapDerived(StringRef name, int descriptor) {
  assert(isDerived(name) && "input files are mapped by map()");
  auto mapping = std::make_unique<Mapping>();
  if (Error failure = mapping->map(descriptor, name))
    return failure;
  auto index = uint32_t(llvm::find(names, name) - names.begin());
  if (index == names.size()) {
    names.push_back(name.str());
    mappings.emplace_back();
  }
  mappings[index] = std::move(mapping);
  return index;
}

std::optional<uint32_t> WeightStore::mapped(StringRef name) const {
  auto index = uint32_t(llvm::find(names, name) - names.begin());
  return index < names.size() && mappings[index]->region ? std::optional(index) : std::nullopt;
}

ArrayRef<uint8_t> WeightStore::wholeFile(uint32_t index) const { return mappings[index]->bytes; }

void WeightStore::setMeanSquares(StringRef weight, std::vector<float> ofColumns) {
  statistics[weight.str()] = std::move(ofColumns);
}

ArrayRef<float> WeightStore::meanSquares(StringRef weight) const {
  auto found = statistics.find(std::string_view(weight));
  return found == statistics.end() ? ArrayRef<float>() : ArrayRef(found->second);
}

uint64_t WeightStore::hash(ArrayRef<uint8_t> bytes) {
  hashed += bytes.size();
  return xxh3_64bits(bytes);
}

Expected<ArrayRef<uint8_t>> WeightStore::bytes(const FileRange &range) const {
  if (range.file >= names.size())
    return fail(formatv("file {0} is not among the model's {1} files", range.file, names.size()));
  ArrayRef<uint8_t> file = mappings[range.file]->bytes;
  if (range.offset > file.size() || range.length > file.size() - range.offset)
    return fail(formatv("bytes {0} to {0} + {1} lie beyond the end of '{2}', which has {3} bytes", range.offset,
                        range.length, names[range.file], file.size()));
  return file.slice(range.offset, range.length);
}

Expected<ArrayRef<uint8_t>> WeightStore::verifiedBytes(const FileRange &range) {
  Expected<ArrayRef<uint8_t>> found = bytes(range);
  if (!found)
    return found;
  {
    std::lock_guard lock(mutex);
    if (verified.count(range))
      return found;
  }
  if (uint64_t hash = this->hash(*found); hash != range.hash)
    return fail(formatv("bytes {0} to {0} + {1} of '{2}' have hash {3:x16}, expected {4:x16}: the file is not the "
                        "one that was imported",
                        range.offset, range.length, names[range.file], hash, range.hash));
  std::lock_guard lock(mutex);
  verified.insert(range);
  return found;
}

Expected<FileRange> WeightStore::makeRange(uint32_t file, uint64_t offset, uint64_t length) {
  FileRange range{file, offset, length, /*hash=*/0};
  Expected<ArrayRef<uint8_t>> found = bytes(range);
  if (!found)
    return found.takeError();
  range.hash = hash(*found);
  release(*found);
  std::lock_guard lock(mutex);
  verified.insert(range);
  return range;
}

void WeightStore::release(ArrayRef<uint8_t> bytes) const {
  // Of anonymous memory, the system would drop the contents.
  assert(llvm::any_of(mappings,
                      [&](const std::unique_ptr<Mapping> &mapping) {
                        return bytes.begin() >= mapping->bytes.begin() && bytes.end() <= mapping->bytes.end();
                      }) &&
         "bytes of another owner");
  // The page at the end is shared with what follows, which may be read next; the one at the
  // beginning with what was read before.
  uintptr_t page = sys::Process::getPageSizeEstimate();
  uintptr_t begin = reinterpret_cast<uintptr_t>(bytes.begin()) & -page;
  uintptr_t end = reinterpret_cast<uintptr_t>(bytes.end()) & -page;
  if (begin < end)
    (void)::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

} // namespace phic
