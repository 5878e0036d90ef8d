//===- Linker.cpp - Objects, tables and weights to a program -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/Linker.h"

#include "compiler/OutputFile.h"
#include "compiler/link/MemoryFile.h"
#include "compiler/link/ProgramFile.h"
#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <dlfcn.h>

LLD_HAS_DRIVER(elf)

namespace phic {
namespace {

namespace fs = llvm::sys::fs;

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

/// What the system said of the output is told with its name; what else went wrong names itself.
llvm::Error nameOutput(llvm::StringRef output, llvm::Error failure) {
  return llvm::handleErrors(std::move(failure), [&](const llvm::ECError &error) { return cannotWrite(output, error.convertToErrorCode()); });
}

/// Links everything but the weights into `output`.
llvm::Error link(const ProgramParts &parts, const std::string &output) {
  std::string runtime = runtimeDirectory(parts.system);
  if (!fs::exists(runtime + "/libphi_rt.a"))
    return llvm::createStringError("no runtime for %s: %s/libphi_rt.a is missing", parts.system.c_str(),
                                   runtime.c_str());
  auto model = emitModelObject(parts.model, parts.triple);
  if (!model)
    return model.takeError();

  std::vector<std::string> arguments = {
      "ld.lld", "-static", "--gc-sections", "--strip-all", "--build-id=none", "--hash-style=gnu", "--threads=1",
      "-z", "norelro", "-z", "max-page-size=" + std::to_string(pageBytes(parts.triple)), "-T", runtime + "/program.ld",
      "-o", output, runtime + "/crt1.o", runtime + "/crti.o"};
  std::vector<MemoryFile> objects;
  auto addObject = [&](llvm::ArrayRef<char> bytes) -> llvm::Error {
    auto object = MemoryFile::create("phic object", bytes);
    if (!object)
      return object.takeError();
    arguments.push_back(object->path());
    objects.push_back(std::move(*object));
    return llvm::Error::success();
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

// Linux on ARM comes with pages of 4, 16 and 64 KiB.
uint64_t pageBytes(llvm::StringRef triple) { return triple.starts_with("aarch64") ? 65536 : 4096; }

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
  // First: a path that cannot be written is known before anything is done.
  auto file = OutputFile::create(output, OutputFile::Kind::Program);
  if (!file)
    return file.takeError();
  auto sink = MemorySink::create();
  if (!sink)
    return sink.takeError();
  if (llvm::Error failure = link(parts, (*sink)->path()))
    return failure;
  if (llvm::Error failure = writeProgramFile((*sink)->finish(), parts, file->descriptor()))
    return nameOutput(output, std::move(failure));
  return file->keep();
}

} // namespace phic
