//===- DerivedWeights.cpp - Weights made once, and kept --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A recipe is a phiq.weight with a conversion; that of a derived weight is made again
// from its attribute. Threads take runs of rows and write each where it belongs.
//===----------------------------------------------------------------------===//
#include "compiler/weights/DerivedWeights.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/OutputFile.h"
#include "compiler/weights/ConvertingReader.h"
#include "compiler/weights/StoredRows.h"
#include "compiler/weights/WeightErrors.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Support/xxhash.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace mlir;

namespace phic {
namespace {

constexpr int64_t kRowsAtOnce = 64;

/// What the recipe's result depends on, as a text: not where the bytes lie, but what they are.
std::string recipeText(phiq::WeightOp recipe, const WeightStore &store) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "phic derived 1\n"
     << convertMethodName(*recipe.getMethod()) << " " << recipe.getStoredAs().name() << " "
     << recipe.getStoredElementType() << " " << recipe.getType() << "\n";
  for (auto range : recipe.getRanges().getAsRange<phiq::RangeAttr>())
    os << range.getLength() << " " << llvm::utohexstr(range.getHash()) << "\n";
  if (llvm::ArrayRef<float> known = store.meanSquares(recipe.getName()); !known.empty())
    os << "statistics "
       << llvm::utohexstr(llvm::xxh3_64bits({reinterpret_cast<const uint8_t *>(known.data()), known.size() * 4}))
       << "\n";
  return text;
}

std::string keyOf(phiq::WeightOp recipe, const WeightStore &store) {
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef(recipeText(recipe, store)));
  return llvm::utohexstr(hash.high64, /*LowerCase=*/true, /*Width=*/16) +
         llvm::utohexstr(hash.low64, /*LowerCase=*/true, /*Width=*/16);
}

/// The op as it was before it was derived, beside it; the caller erases it.
OwningOpRef<phiq::WeightOp> recipeOf(phiq::WeightOp op) {
  phiq::DerivedAttr derived = *op.getDerived();
  OpBuilder builder(op.getContext());
  auto recipe = phiq::WeightOp::create(builder, op.getLoc(), op.getType(), op.getName(),
                                       derived.getLayout().getStoredAs(), derived.getRanges());
  recipe.setConversionAttr(phiq::ConversionAttr::get(op.getContext(), derived.getFrom(), derived.getMethod()));
  return recipe;
}

std::error_code writeAt(int descriptor, llvm::ArrayRef<uint8_t> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), off_t(offset));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return {errno, std::generic_category()};
    bytes = bytes.drop_front(size_t(written));
    offset += uint64_t(written);
  }
  return {};
}

/// Converts runs of rows and writes them.
class RowWriter {
public:
  RowWriter(const ConvertingReader &reader, int descriptor) : reader(reader), descriptor(descriptor) {
    rowBytes = reader.format() ? phicRowBytes(*reader.format(), uint64_t(reader.columns())).all()
                               : uint64_t(reader.columns()) * scalarBits(reader.element()) / 8;
  }
  uint64_t bytes() const { return uint64_t(reader.rows()) * rowBytes; }

  /// All of them; what could not be written is in `failure`.
  ConversionSums run(std::error_code &failure) {
    const int64_t N = reader.rows(), runs = (N + kRowsAtOnce - 1) / kRowsAtOnce;
    std::vector<ConversionSums> sums(static_cast<size_t>(runs));
    std::vector<std::error_code> failures(sums.size());
    llvm::parallelFor(0, sums.size(), [&](size_t run) {
      int64_t n0 = int64_t(run) * kRowsAtOnce;
      failures[run] = writeRows(n0, std::min(kRowsAtOnce, N - n0), sums[run]);
    });
    for (std::error_code one : failures)
      failure = failure ? failure : one;
    return ConversionSums::of(sums);
  }

private:
  std::error_code writeRows(int64_t n0, int64_t count, ConversionSums &sums) const {
    const int64_t K = reader.columns();
    std::vector<float> stored(size_t(count * K)), converted(size_t(count * K));
    std::vector<BlockRow> rows;
    reader.readBoth(n0, count, stored.data(), converted.data(), rows);
    sums = ConversionSums::of(n0, count, K, stored.data(), converted.data());
    std::vector<uint8_t> out(size_t(count) * rowBytes);
    if (reader.format())
      for (int64_t r = 0; r < count; ++r)
        storeRow(rows[size_t(r)], *reader.format(), out.data() + uint64_t(r) * rowBytes);
    else
      storeFloats(reader.element(), converted.data(), count * K, out.data());
    reader.release(n0, count);
    return writeAt(descriptor, out, sizeof(DerivedHeader) + uint64_t(n0) * rowBytes);
  }

  const ConvertingReader &reader;
  int descriptor;
  uint64_t rowBytes;
};

} // namespace

/// Hashes the rows of a derived file that is mapped: they are as verified as those of a handle then.
llvm::Expected<DerivedHeader> DerivedWeights::check(uint32_t index) {
  auto damaged = [] { return llvm::createStringError("is damaged"); };
  std::optional<DerivedHeader> read = readDerivedHeader(store.wholeFile(index));
  if (!read)
    return damaged();
  auto range = store.makeRange(index, sizeof(DerivedHeader), read->bytes);
  if (!range)
    return range.takeError();
  return range->hash == read->hash ? llvm::Expected<DerivedHeader>(*read) : damaged();
}

/// The kept file of that path, if it is there and whole.
std::optional<DerivedWeights::File> DerivedWeights::find(const std::string &name, const std::string &path) {
  auto file = InputFile::open(path);
  if (!file)
    return llvm::consumeError(file.takeError()), std::nullopt;
  auto index = store.mapDerived(name, file->descriptor());
  ::futimens(file->descriptor(), nullptr); // used now
  auto header = index ? check(*index) : llvm::Expected<DerivedHeader>(index.takeError());
  if (header)
    return File{name, *index, *header};
  warn("derived weight " + path + ": " + llvm::toString(header.takeError()) + "; it is made anew");
  return std::nullopt;
}

llvm::Expected<DerivedWeights::File> DerivedWeights::make(phiq::WeightOp recipe, const std::string &name,
                                                          const std::string &key) {
  auto spec = weightSpecOf(recipe, store);
  if (!spec)
    return spec.takeError();
  auto reader = ConvertingReader::create(*spec);
  if (!reader)
    return reader.takeError();
  const bool isKept = !places.kept.empty();
  auto file = OutputFile::create((isKept ? places.kept : places.scratch) + "/" + key, written);
  if (!file)
    return file.takeError();
  RowWriter writer(**reader, file->descriptor());
  std::error_code failure;
  const ConversionSums sums = writer.run(failure);
  if (failure)
    return cannotWrite(file->path(), failure);
  if (llvm::Error wrong = checkFinite(recipe, sums))
    return wrong;
  // The rows are hashed as they are in the file, once, like those of any handle.
  auto index = store.mapDerived(name, file->descriptor());
  if (!index)
    return index.takeError();
  auto range = store.makeRange(*index, sizeof(DerivedHeader), writer.bytes());
  if (!range)
    return range.takeError();
  DerivedHeader header = makeDerivedHeader(range->length, range->hash, sums.error());
  if (std::error_code wrong =
          writeAt(file->descriptor(), {reinterpret_cast<const uint8_t *>(&header), sizeof(header)}, 0))
    return cannotWrite(file->path(), wrong);
  if (isKept)
    if (llvm::Error wrong = file->keep())
      return wrong;
  ++madeCount;
  return File{name, *index, header};
}

llvm::Expected<DerivedWeights::File> DerivedWeights::obtain(phiq::WeightOp recipe) {
  const std::string key = keyOf(recipe, store), name = phiq::PhiqDialect::kDerivedFile.str() + key;
  if (std::optional<uint32_t> index = store.mapped(name)) {
    auto header = readDerivedHeader(store.wholeFile(*index));
    assert(header && "checked when it was mapped");
    return File{name, *index, *header};
  }
  if (!places.kept.empty())
    if (std::optional<File> found = find(name, places.kept + "/" + key))
      return *found;
  return make(recipe, name, key);
}

llvm::Error DerivedWeights::derive(ModuleOp module) {
  llvm::SmallVector<phiq::WeightOp> converted;
  module.walk([&](phiq::WeightOp op) {
    if (op.getConversion())
      converted.push_back(op);
  });
  Builder builder(module.getContext());
  for (phiq::WeightOp op : converted) {
    auto file = obtain(op);
    if (!file)
      return file.takeError();
    const bool isBlock = isa<phiq::BlockType>(cast<ShapedType>(op.getType()).getElementType());
    op.setDerivedAttr(phiq::DerivedAttr::get(op.getContext(), op.getConversion()->getFrom(),
                                             op.getConversion()->getMethod(), op.getLayout(), op.getRanges()));
    op.removeConversionAttr();
    op.setLayoutAttr(
        phiq::StorageAttr::get(op.getContext(), isBlock ? StorageLayout::PhicRows : StorageLayout::DenseNK));
    op.setRangesAttr(builder.getArrayAttr(phiq::RangeAttr::get(op.getContext(), file->index, sizeof(DerivedHeader),
                                                               file->header.bytes, file->header.hash)));
    noteError(op, file->header.error);
  }
  module->setAttr(phiq::PhiqDialect::kFiles, builder.getStrArrayAttr(llvm::to_vector_of<StringRef>(store.files())));
  return llvm::Error::success();
}

llvm::Error DerivedWeights::provide(ModuleOp module) {
  llvm::SmallVector<phiq::WeightOp> derived;
  module.walk([&](phiq::WeightOp op) {
    if (op.getDerived())
      derived.push_back(op);
  });
  for (phiq::WeightOp op : derived) {
    OwningOpRef<phiq::WeightOp> recipe = recipeOf(op);
    const std::string name = phiq::PhiqDialect::kDerivedFile.str() + keyOf(*recipe, store);
    for (auto range : op.getRanges().getAsRange<phiq::RangeAttr>())
      if (range.getFile() >= store.files().size() || store.files()[range.getFile()] != name)
        return llvm::createStringError("weight '" + op.getName() + "' does not lie in " + name +
                                       ", the file of what it says it was made of");
    auto file = obtain(*recipe);
    if (!file)
      return file.takeError();
  }
  return llvm::Error::success();
}

} // namespace phic
