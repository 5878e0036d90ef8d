//===- Lld.cpp - Linking objects in this process ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/Lld.h"
#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

namespace phic {
namespace {

/// What every link has in common: the same bytes from any folder, host and number of threads.
const std::vector<std::string> kCommon = {"ld.lld", "--gc-sections", "--build-id=none", "--threads=1"};

} // namespace

llvm::Expected<std::unique_ptr<LinkInputs>> LinkInputs::open(std::string runtime, uint64_t pageBytes) {
  std::unique_ptr<LinkInputs> inputs(new LinkInputs(std::move(runtime), pageBytes));
  std::string library = inputs->file("libphi_rt.a");
  if (llvm::sys::fs::exists(library))
    return inputs;
  return llvm::createStringError("no runtime for " + llvm::sys::path::filename(inputs->runtime) + ": " + library + " is missing");
}

llvm::Error LinkInputs::addObject(llvm::ArrayRef<char> bytes) {
  auto object = MemoryFile::create("phic object", bytes);
  if (!object)
    return object.takeError();
  objects.push_back(std::move(*object));
  return llvm::Error::success();
}

void LinkInputs::appendObjects(std::vector<std::string> &arguments) const {
  for (const MemoryFile &object : objects)
    arguments.push_back(object.path());
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::run(std::vector<std::string> arguments) {
  auto sink = MemorySink::create();
  if (!sink)
    return sink.takeError();
  arguments.insert(arguments.begin(), kCommon.begin(), kCommon.end());
  arguments.insert(arguments.end(), {"-o", (*sink)->path()});
  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream out(messages);
  lld::Result result = lld::lldMain(pointers, out, out, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return llvm::createStringError("linking failed: " + messages);
  return llvm::MemoryBuffer::getMemBufferCopy((*sink)->finish());
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkProgram() {
  std::vector<std::string> arguments = {"-static", "--strip-all", "--hash-style=gnu", "-z", "norelro", "-z", "max-page-size=" + std::to_string(pageBytes),
                                        "-T", file("program.ld"), file("crt1.o"), file("crti.o")};
  appendObjects(arguments);
  for (const char *name : {"libphi_rt.a", "libc.a", "crtn.o"})
    arguments.push_back(file(name));
  return run(std::move(arguments));
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkObject() {
  std::vector<std::string> arguments = {"-r", "-e", "phi_query", "-u", "phi_query", "--force-group-allocation", "-T", file("object.ld")};
  appendObjects(arguments);
  arguments.push_back(file("libphi_rt.a"));
  return run(std::move(arguments));
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkShared(llvm::ArrayRef<char> object, llvm::StringRef soName) {
  auto input = MemoryFile::create("phic object", object);
  if (!input)
    return input.takeError();
  return run({"-shared", "--strip-all", "--hash-style=gnu", "-z", "norelro", "-z", "max-page-size=" + std::to_string(pageBytes), "-soname", soName.str(),
              "-T", file("shared.ld"), input->path()});
}

} // namespace phic
