//===- Lld.cpp - Linking objects in this process ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/Lld.h"
#include "compiler/files/InputFile.h"
#include "compiler/link/MachoWeights.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Object/Archive.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)
LLD_HAS_DRIVER(macho)

namespace phic {
namespace {

/// What every link has in common: the same bytes from any folder, host and number of threads.
const std::vector<std::string> kElf = {"ld.lld", "--gc-sections", "--build-id=none", "--threads=1"};
// A signature is asked for, since it reserves the load command; MachoFile writes it.
const std::vector<std::string> kMacho = {"ld64.lld",
                                         "-arch",
                                         "arm64",
                                         "-Z",
                                         "-dead_strip",
                                         "-x",
                                         "-fixup_chains",
                                         "-adhoc_codesign",
                                         "-no_function_starts",
                                         "-no_data_in_code_info",
                                         "-segprot",
                                         "__PHI",
                                         "r",
                                         "r",
                                         "-fatal_warnings",
                                         "--threads=1"};

} // namespace

llvm::Expected<std::unique_ptr<LinkInputs>> LinkInputs::open(std::string runtime, const System &system,
                                                             RuntimeParts parts) {
  std::unique_ptr<LinkInputs> inputs(new LinkInputs(std::move(runtime), system, parts));
  for (const std::string &library : inputs->libraries())
    if (!llvm::sys::fs::exists(library))
      return llvm::createStringError("no runtime for " + llvm::sys::path::filename(inputs->runtime) + ": " + library +
                                     " is missing");
  return inputs;
}

std::vector<std::string> LinkInputs::libraries() const {
  std::vector<std::string> files;
  if (parts.wantsLoader)
    files.push_back(file("libphi_loader.a"));
  if (!parts.hasSteps)
    files.push_back(file("libphi_graph.a"));
  files.push_back(file("libphi_rt.a"));
  return files;
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
  const auto &common = system.format == ObjectFormat::Elf ? kElf : kMacho;
  arguments.insert(arguments.begin(), common.begin(), common.end());
  arguments.insert(arguments.end(), {"-o", (*sink)->path()});
  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream out(messages);
  // LLD's --threads is for the whole process, from then on.
  llvm::scope_exit restore([strategy = llvm::parallel::strategy] { llvm::parallel::strategy = strategy; });
  lld::Result result =
      lld::lldMain(pointers, out, out, {{lld::Gnu, &lld::elf::link}, {lld::Darwin, &lld::macho::link}});
  if (result.retCode)
    return llvm::createStringError("linking failed: " + messages);
  return llvm::MemoryBuffer::getMemBufferCopy((*sink)->finish());
}

llvm::Expected<std::vector<std::string>> LinkInputs::stubs() const {
  std::vector<std::string> files;
  std::error_code failure;
  for (llvm::sys::fs::directory_iterator at(file("imports"), failure), end; !failure && at != end;
       at.increment(failure))
    files.push_back(at->path());
  if (failure)
    return llvm::createStringError(failure, "cannot read " + file("imports") + ": " + failure.message());
  llvm::sort(files);
  return files;
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkProgram() {
  std::vector<std::string> before, after;
  if (parts.wantsLoader) {
    auto imported = stubs();
    if (!imported)
      return imported.takeError();
    before = {"-z", "now", "-T", file("loaded.ld")};
    after = {"--as-needed"};
    llvm::append_range(after, *imported);
    after.push_back(file("libmusl.a"));
  } else {
    before = {"-static", "--no-dynamic-linker", "--pack-dyn-relocs=relr", // which the front applies
              "-T",      file("program.ld"),    file("Scrt1.o"),          file("crti.o")};
    after = {file("libc.a"), file("crtn.o")};
  }
  std::vector<std::string> arguments = {"-pie",
                                        "--strip-all",
                                        "--hash-style=gnu",
                                        "-z",
                                        "norelro",
                                        "-z",
                                        "max-page-size=" + std::to_string(system.pageBytes)};
  llvm::append_range(arguments, before);
  appendObjects(arguments);
  llvm::append_range(arguments, libraries());
  llvm::append_range(arguments, after);
  return run(std::move(arguments));
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkObject() {
  std::vector<std::string> arguments = {
      "-r", "-e", "phi_query", "-u", "phi_query", "--force-group-allocation", "-T", file("object.ld")};
  appendObjects(arguments);
  llvm::append_range(arguments, libraries());
  return run(std::move(arguments));
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkShared(llvm::ArrayRef<char> object,
                                                                           llvm::StringRef soName) {
  auto input = MemoryFile::create("phic object", object);
  if (!input)
    return input.takeError();
  return run({"-shared", "--strip-all", "--hash-style=gnu", "-z", "norelro", "-z",
              "max-page-size=" + std::to_string(system.pageBytes), "-soname", soName.str(), "-T", file("shared.ld"),
              input->path()});
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
LinkInputs::linkMacho(std::vector<std::string> arguments, llvm::StringRef manifest, llvm::StringRef weights) {
  auto text = MemoryFile::create("phic manifest", manifest), object = MemoryFile::create("phic weights", weights);
  if (!text || !object)
    return llvm::joinErrors(text.takeError(), object.takeError());
  const std::string oldest = oldestMacos(system).getAsString();
  arguments.insert(arguments.end(), {"-platform_version", "macos", oldest, oldest});
  appendObjects(arguments);
  if (!weights.empty())
    arguments.push_back(object->path());
  arguments.insert(arguments.end(), {"-sectcreate", "__TEXT", "__phi_manifest", text->path()});
  llvm::append_range(arguments, libraries());
  arguments.push_back(file("LibSystem.tbd"));
  return run(std::move(arguments));
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkMachoProgram(llvm::StringRef manifest,
                                                                                 llvm::StringRef weights) {
  // What any program exports: a table of exports that is empty is a case that loaders seldom meet.
  return linkMacho({"-execute", "-exported_symbol", "__mh_execute_header"}, manifest, weights);
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> LinkInputs::linkMachoShared(llvm::StringRef manifest,
                                                                                llvm::StringRef weights,
                                                                                llvm::StringRef fileName,
                                                                                const std::string &query) {
  return linkMacho({"-dylib", "-install_name", ("@rpath/" + fileName).str(), "-u", "_phi_query", "-alias", "_phi_query",
                    "_" + query, "-exported_symbol", "_" + query},
                   manifest, weights);
}

llvm::Expected<std::vector<MachoMember>> LinkInputs::machoObjects() const {
  std::vector<MachoMember> members;
  for (const MemoryFile &object : objects) {
    auto bytes = mapInput(object.path());
    if (!bytes)
      return bytes.takeError();
    members.push_back({"model" + std::to_string(members.size()) + ".o", (*bytes)->getBuffer().str()});
  }
  for (const std::string &library : libraries())
    if (llvm::Error failure = addMembers(library, members))
      return std::move(failure);
  return members;
}

llvm::Error LinkInputs::addMembers(const std::string &library, std::vector<MachoMember> &members) const {
  auto runtimeFile = mapInput(library);
  if (!runtimeFile)
    return runtimeFile.takeError();
  auto archive = llvm::object::Archive::create(**runtimeFile);
  if (!archive)
    return archive.takeError();
  llvm::Error failure = llvm::Error::success();
  for (const llvm::object::Archive::Child &child : (*archive)->children(failure)) {
    auto bytes = child.getMemoryBufferRef();
    if (!bytes)
      return bytes.takeError();
    members.push_back({llvm::sys::path::filename(bytes->getBufferIdentifier()).str(), bytes->getBuffer().str()});
  }
  return failure;
}

} // namespace phic
