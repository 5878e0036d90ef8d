//===- Options.h - Every user option in one struct -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a user can ask of a compilation, as it was written down. No globals: tools
// fill one of these and pass it to compile(), which makes a BuildRequest of it
// before anything is read. A value that cannot be honoured is an error, never ignored.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_OPTIONS_H
#define PHIC_COMPILER_OPTIONS_H

#include "compiler/import/InputSettings.h"
#include "compiler/link/EmitKind.h"
#include "passes/precision/PrecisionSpec.h"
#include "phi/format.h"
#include "targets/Tiles.h"
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace phic {

/// The phases of docs/architecture.md, in order.
enum class Phase : uint8_t {
#define PHIC_PHASE(ENUM, NAME, MEANING) ENUM,
#include "compiler/request/Phases.def"
};
inline constexpr int kPhaseCount = int(Phase::Link) + 1;
std::string_view phaseName(Phase phase);
std::string_view phaseMeaning(Phase phase);
std::optional<Phase> phaseByName(std::string_view name);

/// Exit codes of every phic tool.
enum ExitCode : int {
  kExitSuccess = 0,
  kExitUsage = 1,     ///< wrong use: flags, paths
  kExitModel = 2,     ///< the model is unsupported or invalid
  kExitInternal = 3,  ///< phic's own fault, with a reproducer file
};

/// Tables by the name of a level.
using TilesOfLevels = std::map<std::string, TileTable, std::less<>>;

/// --act: what matmuls read rows in. Auto is i8 for weights of 8 bits or less, else f32.
enum class Activations : uint8_t { Auto, F32, F16, I8 };
/// --kv: elements of the KV cache.
enum class CacheFlag : uint8_t { F16, F32 };
/// --weights: in each file, or in one of their own beside it.
enum class WeightsPlace : uint8_t { Embed, Sidecar };
/// --convert: weights whose format is changed are so whenever they are read, or once, into derived weights.
enum class Conversions : uint8_t { Stream, Once };
/// --report-format; ByName is JSON for a file that ends in .json, else text.
enum class ReportFormat : uint8_t { Text, Json, ByName };

/// The words for their values, in order.
inline constexpr std::string_view kActivations[] = {"auto", "f32", "f16", "i8"};
inline constexpr std::string_view kCacheElements[] = {"f16", "f32"};
inline constexpr std::string_view kWeightsPlaces[] = {"embed", "sidecar"};
inline constexpr std::string_view kConversions[] = {"stream", "once"};
inline constexpr std::string_view kReportFormats[] = {"text", "json"};
inline std::string nameOf(Activations value) { return std::string(kActivations[int(value)]); }
inline std::string nameOf(CacheFlag value) { return std::string(kCacheElements[int(value)]); }

/// Passes that are not phic's.
struct PluginFlags {
  std::vector<std::string> files;               ///< --load-pass-plugin: shared libraries, in order
  std::vector<std::string> options;             ///< --plugin-option: PLUGIN:NAME=VALUE
  std::vector<std::string> runBefore, runAfter; ///< PHASE:PIPELINE of passes to run before or after a phase
};

/// What is used as it is written.
struct CompileSettings {
  std::string model;          ///< directory, .onnx or .gguf; with startFrom an .mlir file
  std::string modelDirectory; ///< folder of the weight files, with startFrom; default: that of the .mlir
  PrecisionFlags precision;   ///< --precision and what goes with it: formats of the weights
  Conversions conversions = Conversions::Stream;
  bool allowNonFinite = false; ///< --allow-nonfinite: weights may hold NaN and infinity
  Activations activations = Activations::Auto;
  CacheFlag kvCache = CacheFlag::F16;
  InputSettings graphInputs; ///< --shape, --dim, --const, --state
  int64_t maxContext = PHI_CONTEXT_DEFAULT; ///< tokens the program is built for at most; the model's limit caps it
  int64_t chunkRows = 0;     ///< rows of one prefill step; 0: as many as the family takes
  uint64_t maxMemory = 0;    ///< --max-memory: bytes that a program may need; 0: no limit
  std::string tilesFile;     ///< --tiles: names the file that `tiles` come from
  TilesOfLevels tiles;       ///< of levels that are not to have their own
  PluginFlags plugins;
  std::string depfile;                     ///< names the files that were read, in Make's syntax
  std::string cacheDir;                    ///< compile cache; empty: none
  uint64_t cacheSize = uint64_t(10) << 30; ///< bytes that the cache keeps at most
  std::string spelledFlags;     ///< for the cache's key: every flag as given, but those that say where to write
  std::string dumpPhases;       ///< directory for one .mlir a phase
  bool errorOnFallback = false; ///< --Werror=fallback
  bool quiet = false;
};

struct Options : CompileSettings {
  std::vector<EmitKind> emit = {EmitKind::Exe};
  WeightsPlace weights = WeightsPlace::Embed;
  std::string name;   ///< of the query function; empty: from the output's stem
  std::string output; ///< names the first kind of `emit`; "-" or empty with stopAfter: standard output
  std::string target = "x86_64-linux"; ///< rows of targets/Systems.def, comma-separated: outputs for each
  std::string cpu; ///< levels, processors or `native`, comma-separated; empty: the target's own levels
  std::string device; ///< --device: FAMILY or FAMILY:LEVEL, comma-separated, beside the CPU's code
  std::optional<Phase> stopAfter;
  std::optional<Phase> startFrom;
  std::string report; ///< --report: file, or "-"; empty: none
  ReportFormat reportFormat = ReportFormat::ByName;
};

} // namespace phic

#endif // PHIC_COMPILER_OPTIONS_H
