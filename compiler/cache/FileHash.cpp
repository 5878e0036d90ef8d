//===- FileHash.cpp - Contents of files as keys ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/cache/FileHash.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/InputFiles.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <ctime>

namespace fs = llvm::sys::fs;

namespace phic {
namespace {

constexpr uint64_t kWorthNoting = 1 << 20;
constexpr int64_t kCoarsestTick = 2'000'000'000; // FAT's
constexpr size_t kChunk = 1 << 20;

std::string hex(llvm::BLAKE3 &hasher) { return llvm::toHex(hasher.final(), /*LowerCase=*/true); }

std::optional<std::string> readAndHash(const std::string &path) {
  auto file = InputFile::open(path);
  if (!file)
    return llvm::consumeError(file.takeError()), std::nullopt;
  llvm::BLAKE3 hasher;
  std::vector<char> buffer(kChunk);
  bool failed = false;
  while (true) {
    auto count = fs::readNativeFile(fs::convertFDToNativeFile(file->descriptor()), buffer);
    failed = !count;
    if (failed)
      llvm::consumeError(count.takeError());
    if (failed || *count == 0)
      break;
    hasher.update(llvm::StringRef(buffer.data(), *count));
  }
  return failed ? std::nullopt : std::optional(hex(hasher));
}

std::string spelled(const FileState &state) {
  return llvm::formatv("{0} {1} {2} {3} {4}", state.device, state.inode, state.size, state.modified, state.changed);
}

} // namespace

int64_t fileClockNow() {
  timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return int64_t(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::string hashOf(llvm::StringRef text) {
  llvm::BLAKE3 hasher;
  hasher.update(text);
  return hex(hasher);
}

std::string FileHasher::notePath(const std::string &path) const {
  llvm::SmallString<256> absolute(path);
  (void)fs::make_absolute(absolute);
  std::string name = hashOf(absolute);
  return folder + "/" + name.substr(0, 2) + "/" + name;
}

std::optional<std::string> FileHasher::hash(const std::string &path) const {
  FileState state = FileState::of(path);
  bool useNote = !folder.empty() && state.exists && state.size >= kWorthNoting;
  std::string note = useNote ? notePath(path) : "";
  if (useNote) {
    if (auto text = readInput(note)) {
      auto [digest, of] = (*text)->getBuffer().split(' ');
      if (of == spelled(state) && digest.size() == 2 * LLVM_BLAKE3_OUT_LEN)
        return digest.str();
    } else {
      llvm::consumeError(text.takeError());
    }
  }
  int64_t begin = fileClockNow();
  std::optional<std::string> digest = readAndHash(path);
  if (!digest || FileState::of(path) != state)
    return std::nullopt;
  if (useNote && state.settledBefore(begin, kCoarsestTick)) {
    // Only a note: where it cannot be written, the file is read again next time.
    (void)fs::create_directories(note.substr(0, note.rfind('/')));
    llvm::consumeError(llvm::writeToOutput(note, [&](llvm::raw_ostream &out) {
      out << *digest << " " << spelled(state);
      return llvm::Error::success();
    }));
  }
  return digest;
}

} // namespace phic
