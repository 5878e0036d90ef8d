//===- Linker.cpp - Objects, tables and weights to a program -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/Linker.h"

#include "compiler/link/ProgramFile.h"
#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <dlfcn.h>

LLD_HAS_DRIVER(elf)

namespace phic {
namespace {

namespace fs = llvm::sys::fs;

/// A folder for the objects, gone with this object. Nothing is ever put into the current folder.
class TemporaryFolder {
public:
  TemporaryFolder() { failure = fs::createUniqueDirectory("phic-link", path); }
  TemporaryFolder(const TemporaryFolder &) = delete;
  ~TemporaryFolder() {
    if (!failure)
      fs::remove_directories(path);
  }
  std::string file(llvm::StringRef name) const {
    llvm::SmallString<128> joined = path;
    llvm::sys::path::append(joined, name);
    return joined.str().str();
  }
  std::error_code failure;

private:
  llvm::SmallString<128> path;
};

llvm::Error cannotWrite(llvm::StringRef path, std::error_code failure) {
  return llvm::createStringError("cannot write %s: %s", path.str().c_str(), failure.message().c_str());
}

llvm::Error writeObject(llvm::ArrayRef<char> object, const std::string &path) {
  std::error_code failure;
  llvm::raw_fd_ostream out(path, failure);
  if (failure)
    return cannotWrite(path, failure);
  out.write(object.data(), object.size());
  out.close();
  failure = out.error();
  out.clear_error();
  return failure ? cannotWrite(path, failure) : llvm::Error::success();
}

llvm::Error runLld(llvm::ArrayRef<std::string> arguments) {
  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream out(messages);
  lld::Result result = lld::lldMain(pointers, out, out, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0)
    return llvm::Error::success();
  return llvm::createStringError("linking failed: %s", messages.c_str());
}

/// Links everything but the weights into `output`.
llvm::Error link(const ProgramParts &parts, const TemporaryFolder &folder, const std::string &output) {
  std::string runtime = runtimeDirectory(parts.system);
  if (!fs::exists(runtime + "/libphi_rt.a"))
    return llvm::createStringError("no runtime for %s: %s/libphi_rt.a is missing", parts.system.c_str(),
                                   runtime.c_str());
  auto model = emitModelObject(parts.model, parts.triple);
  if (!model)
    return model.takeError();

  std::vector<std::string> arguments = {
      "ld.lld", "-static", "--gc-sections", "--strip-all", "--build-id=none", "--hash-style=gnu", "--threads=1",
      "-z", "norelro", "-z", "max-page-size=4096", "-T", runtime + "/program.ld",
      "-o", output, runtime + "/crt1.o", runtime + "/crti.o"};
  auto addObject = [&](llvm::ArrayRef<char> object) {
    arguments.push_back(folder.file("object" + std::to_string(arguments.size()) + ".o"));
    return writeObject(object, arguments.back());
  };
  if (llvm::Error failure = addObject(*model))
    return failure;
  for (llvm::ArrayRef<char> object : parts.objects)
    if (llvm::Error failure = addObject(object))
      return failure;
  for (const char *name : {"/libphi_rt.a", "/libc.a", "/crtn.o"})
    arguments.push_back(runtime + name);
  return runLld(arguments);
}

} // namespace

std::string runtimeDirectory(llvm::StringRef system) {
  Dl_info self = {};
  dladdr(reinterpret_cast<const void *>(&runtimeDirectory), &self);
  llvm::SmallString<256> path;
  if (!self.dli_fname || fs::real_path(self.dli_fname, path))
    path = ".";
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, "phic", system);
  return path.str().str();
}

std::vector<std::string> knownSystems() {
  std::vector<std::string> systems;
  std::error_code failure;
  for (fs::directory_iterator it(runtimeDirectory(""), failure), end; it != end && !failure; it.increment(failure))
    systems.push_back(llvm::sys::path::filename(it->path()).str());
  llvm::sort(systems);
  return systems;
}

llvm::Error linkProgram(const ProgramParts &parts, llvm::StringRef output) {
  // Known before anything is done, and for what is no file the last rename might even succeed.
  if (fs::exists(output) && !fs::is_regular_file(output))
    return cannotWrite(output, std::make_error_code(fs::is_directory(output) ? std::errc::is_a_directory
                                                                             : std::errc::invalid_argument));
  TemporaryFolder folder;
  if (folder.failure)
    return llvm::createStringError("cannot make a temporary folder: %s", folder.failure.message().c_str());
  std::string linkedPath = folder.file("linked");
  if (llvm::Error failure = link(parts, folder, linkedPath))
    return failure;
  auto linked = llvm::MemoryBuffer::getFile(linkedPath, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!linked)
    return llvm::errorCodeToError(linked.getError());

  // Beside the output, so that the last step is a rename.
  auto file = fs::TempFile::create(output + ".%%%%%%%%", fs::all_read | fs::all_write | fs::all_exe);
  if (!file) {
    std::error_code failure = llvm::errorToErrorCode(file.takeError());
    return cannotWrite(output, failure);
  }
  if (llvm::Error failure = writeProgramFile((*linked)->getBuffer(), parts, file->FD))
    return llvm::joinErrors(std::move(failure), file->discard());
  if (llvm::Error failure = file->keep(output)) {
    std::error_code reason = llvm::errorToErrorCode(std::move(failure));
    return llvm::joinErrors(cannotWrite(output, reason), file->discard());
  }
  return llvm::Error::success();
}

} // namespace phic
