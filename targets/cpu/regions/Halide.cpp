//===- Halide.cpp - The one door to Halide ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A region's Funcs with phic's schedule, or a plugin's, to bitcode.
//===----------------------------------------------------------------------===//
#include "targets/cpu/regions/Halide.h"
#include "targets/cpu/regions/RegionFuncs.h"

#include <fstream>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

namespace phic {
namespace {

constexpr RegionSchedule kSchedules[] = {
#define PHIC_REGION_SCHEDULE(TARGET, LANES, VECTORS, ACCUMULATORS) {TARGET, LANES, VECTORS, ACCUMULATORS},
#include "targets/cpu/regions/Schedules.def"
};

const RegionSchedule *scheduleOf(const CpuTarget &target) {
  for (const RegionSchedule &schedule : kSchedules)
    if (schedule.target == target.name)
      return &schedule;
  return nullptr;
}

/// Halide writes bitcode to a path only. This file has one, is in no folder, and is gone with this process.
class AnonymousFile {
  int handle = memfd_create("phic region", MFD_CLOEXEC);

public:
  AnonymousFile() = default;
  AnonymousFile(const AnonymousFile &) = delete;
  ~AnonymousFile() {
    if (ok())
      close(handle);
  }
  bool ok() const { return handle >= 0; }
  std::string read() const {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }
  const std::string path = "/proc/self/fd/" + std::to_string(handle);
};

} // namespace

std::optional<HalideCode> compileWithHalide(const RowRegion &region, const std::string &symbol, const CpuTarget &target,
                                            const RegionRow *row, std::string *error) {
  const RegionSchedule *schedule = scheduleOf(target);
  AnonymousFile file;
  if (!schedule || !file.ok()) {
    *error = schedule ? std::string("cannot make a file in memory") : "no schedule for " + std::string(target.name);
    return std::nullopt;
  }
  try {
    RegionFuncs funcs(region, target, symbol, *schedule);
    if (row)
      row->build(funcs);
    else
      for (RegionBuilder::Part &part : funcs.algorithm())
        part.schedule();
    hl::Target halideTarget(std::string(target.halide) + "-no_runtime-no_asserts-no_bounds_query-strict_float");
    funcs.compile(halideTarget).compile({{hl::OutputFileType::bitcode, file.path}});
    return HalideCode{file.read(), std::move(funcs.buffers)};
  } catch (const Halide::Error &exception) { // is no std::exception
    *error = exception.what();
    return std::nullopt;
  } catch (const std::exception &exception) { // of a plugin's row
    *error = exception.what();
    return std::nullopt;
  }
}

} // namespace phic
