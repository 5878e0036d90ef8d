//===- TilesFile.cpp - What phic tune found, as a file ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/TilesFile.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace phic {
namespace {

class TilesReader {
public:
  explicit TilesReader(StringRef name) : name(name) {}

  Error read(const Json &value, TilesOfLevels &tiles) {
    if (!value.is_object())
      return wrong("the file", "an object with a table for each level");
    for (const auto &[level, table] : value.items()) {
      const CpuTarget *target = cpuLevelByName(level);
      if (!target)
        return wrong("'" + level + "'",
                     "a level: " +
                         join(map_range(cpuLevels(), [](const CpuTarget &t) { return StringRef(t.name); }), ", "));
      TileTable read = tileTableOf(*target);
      if (Error error = readTable(table, level, read))
        return error;
      tiles.emplace(level, read);
    }
    return Error::success();
  }

private:
  StringRef name;

  Error wrong(const std::string &what, const std::string &wanted) {
    return createStringError(name + ": " + what + " should be " + wanted);
  }

  /// The members of `value` are those of `names`, each once.
  Error checkMembers(const Json &value, const std::string &place, ArrayRef<StringRef> names) {
    const bool areThose = value.is_object() && value.size() == names.size() &&
                          all_of(names, [&](StringRef name) { return value.contains(name); });
    return areThose ? Error::success() : wrong(place, "an object of " + join(names, ", "));
  }

  Error readTable(const Json &value, const std::string &level, TileTable &table) {
    SmallVector<StringRef> classes, sizes;
    for (MClass mClass : kMClasses)
      classes.push_back(mClassName(mClass));
    for (const TileLimit &limit : kTileLimits)
      sizes.push_back(limit.name);
    if (Error error = checkMembers(value, level, classes))
      return error;
    for (MClass mClass : kMClasses) {
      const Json &shape = value.at(mClassName(mClass));
      const std::string place = level + "." + std::string(mClassName(mClass));
      if (Error error = checkMembers(shape, place, sizes))
        return error;
      for (const TileLimit &limit : kTileLimits) {
        const Json &size = shape.at(limit.name);
        std::optional<int64_t> number = integerOf<int64_t>(size);
        if (!number || !limit.holds(*number))
          return wrong(place + "." + std::string(limit.name), limit.str() + ", not " + printJson(size, /*indent=*/-1));
        table[unsigned(mClass)].*limit.size = *number;
      }
    }
    return Error::success();
  }
};

} // namespace

Expected<TilesOfLevels> parseTiles(StringRef text, StringRef name) {
  Expected<Json> value = parseJson(text, name);
  if (!value)
    return value.takeError();
  TilesOfLevels tiles;
  if (Error error = TilesReader(name).read(*value, tiles))
    return std::move(error);
  return tiles;
}

Expected<TilesOfLevels> readTilesFile(const std::string &path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = readInput(path);
  if (!buffer)
    return buffer.takeError();
  return parseTiles((*buffer)->getBuffer(), path);
}

std::string printTiles(const TilesOfLevels &tiles) {
  Json levels = Json::object();
  for (const auto &[level, table] : tiles)
    for (MClass mClass : kMClasses)
      for (const TileLimit &limit : kTileLimits)
        levels[level][mClassName(mClass)][limit.name] = table[unsigned(mClass)].*limit.size;
  return printJson(levels, /*indent=*/2) + "\n";
}

} // namespace phic
