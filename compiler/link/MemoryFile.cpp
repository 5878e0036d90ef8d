//===- MemoryFile.cpp - Files of this process alone -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/MemoryFile.h"
#include "llvm/Support/raw_ostream.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace phic {
namespace {

llvm::Error failed(std::error_code reason) {
  return llvm::createStringError(reason, "cannot make a file in memory: " + reason.message());
}

std::error_code lastError() { return {errno, std::generic_category()}; }

} // namespace

llvm::Expected<MemoryFile> MemoryFile::create(const char *title, llvm::ArrayRef<char> bytes) {
  MemoryFile file(memfd_create(title, MFD_CLOEXEC));
  if (file.fd < 0)
    return failed(lastError());
  llvm::raw_fd_ostream out(file.fd, /*shouldClose=*/false, /*unbuffered=*/true);
  out.write(bytes.data(), bytes.size());
  std::error_code failure = out.error();
  out.clear_error();
  if (failure)
    return failed(failure);
  return file;
}

MemoryFile::~MemoryFile() {
  if (fd >= 0)
    close(fd);
}

llvm::Expected<std::unique_ptr<MemorySink>> MemorySink::create() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC))
    return failed(lastError());
  return std::unique_ptr<MemorySink>(new MemorySink(ends[0], ends[1]));
}

MemorySink::MemorySink(int readEnd, int writeEnd) : readEnd(readEnd), writeEnd(writeEnd), reader([this] { read(); }) {}

void MemorySink::read() {
  char buffer[1 << 16];
  ssize_t count;
  while ((count = ::read(readEnd, buffer, sizeof buffer)) > 0 || (count < 0 && errno == EINTR))
    bytes.append(buffer, count > 0 ? size_t(count) : 0);
}

std::string MemorySink::finish() {
  if (reader.joinable()) {
    close(writeEnd);
    reader.join();
    close(readEnd);
  }
  return std::move(bytes);
}

MemorySink::~MemorySink() { finish(); }

} // namespace phic
