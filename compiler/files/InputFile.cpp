//===- InputFile.cpp - The one way to open what is read --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/InputFile.h"
#include "llvm/Support/FileSystem.h"
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace phic {
namespace {

llvm::Error cannotRead(const llvm::Twine &path, const llvm::Twine &reason) {
  return llvm::createStringError("cannot read " + path + ": " + reason);
}

llvm::Error cannotRead(const llvm::Twine &path, int code) {
  return cannotRead(path, std::error_code(code, std::generic_category()).message());
}

llvm::Error wrongKind(const llvm::Twine &path, mode_t mode) {
  return cannotRead(path, S_ISDIR(mode) ? "it is a folder" : "it is no regular file");
}

} // namespace

llvm::Expected<InputFile> InputFile::open(const llvm::Twine &path) {
  std::string name = path.str();
  struct stat status;
  if (::stat(name.c_str(), &status) != 0)
    return cannotRead(name, errno);
  if (!S_ISREG(status.st_mode)) // opening alone can have effects on a device
    return wrongKind(name, status.st_mode);
  // The name may be another file's by now: nothing is waited for, and what was opened is asked again.
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return cannotRead(name, errno);
  InputFile file(std::move(name), fd, 0);
  if (::fstat(fd, &status) != 0)
    return cannotRead(file.path, errno);
  if (!S_ISREG(status.st_mode))
    return wrongKind(file.path, status.st_mode);
  file.bytes = uint64_t(status.st_size);
  return file;
}

InputFile::InputFile(InputFile &&other)
    : path(std::move(other.path)), fd(std::exchange(other.fd, -1)), bytes(other.bytes) {}

InputFile::~InputFile() {
  if (fd >= 0)
    ::close(fd);
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> InputFile::map() const {
  auto buffer = llvm::MemoryBuffer::getOpenFile(llvm::sys::fs::convertFDToNativeFile(fd), path, bytes,
                                                /*RequiresNullTerminator=*/false);
  if (!buffer)
    return cannotRead(path, buffer.getError().message());
  return std::move(*buffer);
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> mapInput(const llvm::Twine &path) {
  llvm::Expected<InputFile> file = InputFile::open(path);
  return file ? file->map() : file.takeError();
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> readInput(const llvm::Twine &path, uint64_t most) {
  llvm::Expected<InputFile> file = InputFile::open(path);
  if (!file)
    return file.takeError();
  if (file->size() > most)
    return cannotRead(path, "it has " + llvm::Twine(file->size()) + " bytes, more than " + llvm::Twine(most));
  return file->map();
}

std::string headOf(const llvm::Twine &path, size_t count) {
  llvm::Expected<InputFile> file = InputFile::open(path);
  if (!file)
    return llvm::consumeError(file.takeError()), "";
  std::string bytes(count, '\0');
  const ssize_t got = ::pread(file->descriptor(), bytes.data(), count, 0);
  bytes.resize(got > 0 ? size_t(got) : 0);
  return bytes;
}

} // namespace phic
