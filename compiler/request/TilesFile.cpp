//===- TilesFile.cpp - What phic tune found, as a file ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/request/TilesFile.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/Json.h"
#include "targets/Backend.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace phic {
namespace {

/// Of all families that leave sizes open.
std::vector<StringRef> tunableLevels() {
  std::vector<StringRef> names;
  for (const Backend *backend : allBackends())
    for (const Target *level : backend->levels())
      if (!backend->tileSizes().empty())
        names.push_back(level->name);
  return names;
}

/// The one of that name, or nullptr.
const Target *tunableLevel(StringRef name) {
  for (const Backend *backend : allBackends())
    if (const Target *level = levelByName(*backend, name); level && !backend->tileSizes().empty())
      return level;
  return nullptr;
}

class TilesReader {
public:
  explicit TilesReader(StringRef name) : name(name) {}

  Error read(const Json &value, TilesOfLevels &tiles) {
    if (!value.is_object())
      return wrong("the file", "an object with a table for each level");
    for (const auto &[level, table] : value.items()) {
      const Target *target = tunableLevel(level);
      if (!target)
        return wrong("'" + level + "'", "a level: " + join(tunableLevels(), ", "));
      TileTable read = backendOf(*target).tilesOf(*target);
      if (Error error = readTable(table, level, backendOf(*target).tileSizes(), read))
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

  Error readTable(const Json &value, const std::string &level, ArrayRef<TileSize> sizes, TileTable &table) {
    SmallVector<StringRef> classes, names;
    for (MClass mClass : kMClasses)
      classes.push_back(mClassName(mClass));
    for (const TileSize &size : sizes)
      names.push_back(size.name);
    if (Error error = checkMembers(value, level, classes))
      return error;
    for (MClass mClass : kMClasses) {
      const Json &shape = value.at(mClassName(mClass));
      const std::string place = level + "." + std::string(mClassName(mClass));
      if (Error error = checkMembers(shape, place, names))
        return error;
      for (auto [size, read] : zip_equal(sizes, table[unsigned(mClass)])) {
        const Json &written = shape.at(size.name);
        std::optional<int64_t> number = integerOf<int64_t>(written);
        if (!number || !size.holds(*number))
          return wrong(place + "." + std::string(size.name), size.str() + ", not " + printJson(written, /*indent=*/-1));
        read = *number;
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
      for (auto [size, value] : zip_equal(backendOf(*tunableLevel(level)).tileSizes(), table[unsigned(mClass)]))
        levels[level][mClassName(mClass)][size.name] = value;
  return printJson(levels, /*indent=*/2) + "\n";
}

} // namespace phic
