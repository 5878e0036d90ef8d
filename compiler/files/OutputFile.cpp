//===- OutputFile.cpp - A file that appears when it is whole ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/OutputFile.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <climits>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace phic {

namespace fs = llvm::sys::fs;

namespace {

constexpr llvm::StringLiteral kTemporarySuffix = ".%%%%%%%%";
constexpr int kMostLinks = 8; ///< from one name of a descriptor to the next

std::error_code lastError() { return {errno, std::generic_category()}; }

std::string folderOf(llvm::StringRef path) {
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  return folder.empty() ? "." : folder.str();
}

/// The name of an open file, as long as it is open.
std::string pathOf(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::error_code giveName(int fd, const std::string &path) {
  return linkat(AT_FDCWD, pathOf(fd).c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) ? lastError()
                                                                                         : std::error_code();
}

/// Over a file that exists there is no link, only a rename.
std::error_code replace(int fd, const std::string &path) {
  llvm::SmallString<128> beside;
  std::error_code failure;
  do {
    fs::createUniquePath(path + kTemporarySuffix, beside, /*MakeAbsolute=*/false);
    failure = giveName(fd, beside.str().str());
  } while (failure == std::errc::file_exists);
  if (failure)
    return failure;
  if (std::error_code refused = fs::rename(beside, path)) {
    fs::remove(beside);
    return refused;
  }
  return {};
}

/// The open descriptor that a path is a name of, as /dev/stdout is of 1; -1: of none.
int descriptorNamed(const std::string &path) {
  llvm::SmallString<128> at(path), folder, target;
  const std::string own = "/proc/" + std::to_string(getpid()) + "/fd";
  for (int links = 0; links < kMostLinks; ++links) {
    int number = 0;
    if (!fs::real_path(folderOf(at), folder) && folder == own &&
        !llvm::sys::path::filename(at).getAsInteger(10, number))
      return number;
    char link[PATH_MAX];
    const ssize_t length = readlink(at.c_str(), link, sizeof(link));
    if (length <= 0)
      return -1;
    target = llvm::StringRef(link, size_t(length));
    if (llvm::sys::path::is_relative(target))
      llvm::sys::path::make_absolute(folder, target);
    at = target;
  }
  return -1;
}

} // namespace

llvm::Error cannotWrite(llvm::StringRef path, std::error_code reason) {
  return llvm::createStringError(reason, "cannot write " + path + ": " + reason.message());
}

std::error_code refusalOf(int fd) {
  if (write(fd, "", 0) < 0)
    return lastError();
  pollfd asked = {fd, POLLOUT, 0};
  if (poll(&asked, 1, /*timeout=*/0) > 0 && (asked.revents & POLLERR))
    return std::make_error_code(std::errc::broken_pipe);
  return {};
}

llvm::Expected<OutputFile> OutputFile::create(llvm::StringRef path, OutputFiles &files, Kind kind) {
  if (!files.isPlanned(path))
    if (llvm::Error failure = files.plan(path))
      return std::move(failure);
  // Known before anything is done; and for what is no file the last rename might even succeed.
  if (fs::is_directory(path))
    return cannotWrite(path, std::make_error_code(std::errc::is_a_directory));
  // The name of a descriptor stays what it is, whatever file it leads to.
  const int own = fs::is_regular_file(path) ? descriptorNamed(path.str()) : -1;
  if (own >= 0 || (fs::exists(path) && !fs::is_regular_file(path))) {
    if (kind != Kind::Data)
      return llvm::createStringError(std::make_error_code(std::errc::invalid_argument),
                                     "cannot write " + path +
                                         ": it is no regular file, which a program or library needs");
    int fd = own >= 0 ? fcntl(own, F_DUPFD_CLOEXEC, 0) : open(path.str().c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
      return cannotWrite(path, lastError());
    OutputFile stream(path, fd, /*isStream=*/true, files);
    if (std::error_code refusal = refusalOf(fd))
      return cannotWrite(path, refusal);
    return std::move(stream);
  }
  const mode_t mode = kind == Kind::Program ? 0777 : 0666;
  if (int fd = open(folderOf(path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode); fd >= 0)
    return OutputFile(path, fd, /*isStream=*/false, files);
  if (errno != EOPNOTSUPP && errno != EISDIR)
    return cannotWrite(path, lastError());
  auto file = fs::TempFile::create(path + kTemporarySuffix, mode);
  if (!file)
    return cannotWrite(path, llvm::errorToErrorCode(file.takeError()));
  OutputFile output(path, -1, /*isStream=*/false, files);
  output.named = std::move(*file);
  return output;
}

OutputFile::OutputFile(OutputFile &&other)
    : name(std::move(other.name)), files(other.files), fd(std::exchange(other.fd, -1)), isStream(other.isStream),
      named(std::exchange(other.named, std::nullopt)) {}

OutputFile::~OutputFile() {
  if (named)
    llvm::consumeError(named->discard());
  if (fd >= 0)
    close(fd);
}

llvm::Error OutputFile::keep() {
  if (llvm::Error clash = files->check())
    return clash;
  std::error_code failure;
  if (named) {
    failure = llvm::errorToErrorCode(named->keep(name));
    if (!failure)
      named.reset();
  } else if (!isStream) {
    failure = giveName(fd, name);
    if (failure == std::errc::file_exists)
      failure = replace(fd, name);
  }
  return failure ? cannotWrite(name, failure) : llvm::Error::success();
}

llvm::Error OutputFile::write(llvm::StringRef bytes) {
  llvm::raw_fd_ostream out(descriptor(), /*shouldClose=*/false, /*unbuffered=*/true);
  out << bytes;
  std::error_code failure = out.error();
  out.clear_error();
  return failure ? cannotWrite(name, failure) : llvm::Error::success();
}

llvm::Error writeWhole(llvm::StringRef path, llvm::StringRef bytes, OutputFiles &files) {
  auto file = OutputFile::create(path, files);
  if (!file)
    return file.takeError();
  if (llvm::Error failure = file->write(bytes))
    return failure;
  return file->keep();
}

} // namespace phic
