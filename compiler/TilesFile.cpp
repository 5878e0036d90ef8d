//===- TilesFile.cpp - What phic tune found, as a file ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/TilesFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace phic {
namespace {

class TilesReader {
public:
  explicit TilesReader(StringRef name) : name(name) {}

  Error read(const json::Value &value, TilesOfLevels &tiles) {
    const json::Object *levels = value.getAsObject();
    if (!levels)
      return wrong("the file", "an object with a table for each level");
    for (const auto &[level, table] : *levels) {
      const CpuTarget *target = cpuLevelByName(level.str());
      if (!target)
        return wrong("'" + level.str() + "'",
                     "a level: " +
                         join(map_range(cpuLevels(), [](const CpuTarget &t) { return StringRef(t.name); }), ", "));
      TileTable read = tileTableOf(*target);
      if (Error error = readTable(table, level.str(), read))
        return error;
      tiles.emplace(level.str(), read);
    }
    return Error::success();
  }

private:
  StringRef name;

  Error wrong(const std::string &what, const std::string &wanted) {
    return createStringError(name + ": " + what + " should be " + wanted);
  }

  /// The members of `value` are those of `names`, each once.
  Error checkMembers(const json::Value &value, const std::string &place, ArrayRef<StringRef> names) {
    const json::Object *object = value.getAsObject();
    const bool areThose = object && object->size() == names.size() &&
                          all_of(names, [&](StringRef member) { return object->get(member); });
    return areThose ? Error::success() : wrong(place, "an object of " + join(names, ", "));
  }

  Error readTable(const json::Value &value, const std::string &level, TileTable &table) {
    SmallVector<StringRef> classes, sizes;
    for (MClass mClass : kMClasses)
      classes.push_back(mClassName(mClass));
    for (const TileLimit &limit : kTileLimits)
      sizes.push_back(limit.name);
    if (Error error = checkMembers(value, level, classes))
      return error;
    for (MClass mClass : kMClasses) {
      const json::Value &shape = *value.getAsObject()->get(mClassName(mClass));
      const std::string place = level + "." + std::string(mClassName(mClass));
      if (Error error = checkMembers(shape, place, sizes))
        return error;
      for (const TileLimit &limit : kTileLimits) {
        const json::Value &size = *shape.getAsObject()->get(limit.name);
        std::optional<int64_t> number = size.getAsInteger();
        if (!number || !limit.holds(*number))
          return wrong(place + "." + std::string(limit.name), limit.str() + ", not " + formatv("{0}", size).str());
        table[unsigned(mClass)].*limit.size = *number;
      }
    }
    return Error::success();
  }
};

} // namespace

Expected<TilesOfLevels> parseTiles(StringRef text, StringRef name) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return createStringError(name + ": " + toString(value.takeError()));
  TilesOfLevels tiles;
  if (Error error = TilesReader(name).read(*value, tiles))
    return std::move(error);
  return tiles;
}

Expected<TilesOfLevels> readTilesFile(const std::string &path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError("cannot read " + path + ": " + buffer.getError().message());
  return parseTiles((*buffer)->getBuffer(), path);
}

std::string printTiles(const TilesOfLevels &tiles) {
  json::Object levels;
  for (const auto &[level, table] : tiles) {
    json::Object classes;
    for (MClass mClass : kMClasses) {
      json::Object shape;
      for (const TileLimit &limit : kTileLimits)
        shape[StringRef(limit.name)] = table[unsigned(mClass)].*limit.size;
      classes[StringRef(mClassName(mClass))] = std::move(shape);
    }
    levels[level] = std::move(classes);
  }
  return formatv("{0:2}\n", json::Value(std::move(levels))).str();
}

} // namespace phic
