//===- cache_fuzz.cpp - Any bytes as an entry of the cache -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The input is the entry's facts; they are looked for, and restored from two outputs of a few bytes.
//===----------------------------------------------------------------------===//
#include "FuzzFolder.h"
#include "compiler/cache/OutputStore.h"
#include "compiler/files/OutputFiles.h"
#include <cstdlib>
#include <fstream>

using namespace phic;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const OutputStore store = llvm::cantFail(OutputStore::open(fuzz::folder().string()));
  const std::filesystem::path entry = fuzz::folder() / "outputs" / "key" / "entry";
  std::filesystem::create_directories(entry); // a damaged entry has been removed
  for (const char *name : {"0", "1"})
    std::ofstream(entry / name) << "bytes";
  std::ofstream(entry / "entry.json").write(reinterpret_cast<const char *>(data), std::streamsize(size));
  const auto found = store.find("key", [](const CachedInput &input) { return input.name != "missing"; });
  if (!found)
    return 0;
  InputFiles none;
  OutputFiles planned(none, {});
  bool isDamaged = false;
  auto restored =
      store.restore(*found, {(fuzz::folder() / "a").string(), (fuzz::folder() / "b").string()}, planned, isDamaged);
  if (!restored)
    llvm::consumeError(restored.takeError());
  else if (*restored && isDamaged)
    std::abort();
  return 0;
}
