//===- Linker.cpp - Objects, tables and weights to files -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/Linker.h"
#include "compiler/files/InputFile.h"
#include "compiler/link/ElfFile.h"
#include "compiler/link/HeaderFile.h"
#include "compiler/link/Lld.h"
#include "compiler/link/Localize.h"
#include "compiler/link/MachoFile.h"
#include "compiler/link/MachoLibrary.h"
#include "compiler/link/MachoWeights.h"
#include "compiler/link/Sidecar.h"
#include "phi/hash.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <dlfcn.h>

namespace phic {
namespace {

namespace fs = llvm::sys::fs;
using Buffer = std::shared_ptr<llvm::MemoryBuffer>;

/// A text, without weights.
class TextFile final : public LinkedFile {
public:
  TextFile(OutputFile file, std::string text) : LinkedFile(std::move(file)), text(std::move(text)) {}
  llvm::Error begin() override {
    out() << text;
    return checkWritten();
  }
  bool takesWeights() const override { return false; }
  llvm::Error finish(uint64_t) override { return llvm::Error::success(); }

private:
  std::string text;
};

/// To every file that holds weights.
class Fan final : public WeightSink {
public:
  explicit Fan(std::vector<LinkedFile *> files) : files(std::move(files)) {}
  llvm::Error write(llvm::ArrayRef<uint8_t> bytes) override {
    written += bytes.size();
    for (LinkedFile *file : files)
      if (llvm::Error failure = file->writeWeights(bytes))
        return failure;
    return llvm::Error::success();
  }
  llvm::Error padTo(uint64_t to) override {
    static constexpr uint8_t kZeros[4096] = {};
    assert(to >= written && "weights are written in order");
    while (written < to)
      if (llvm::Error failure = write({kZeros, size_t(std::min<uint64_t>(to - written, sizeof(kZeros)))}))
        return failure;
    return llvm::Error::success();
  }
  uint64_t position() const override { return written; }

private:
  std::vector<LinkedFile *> files;
  uint64_t written = 0;
};

/// One link: what several outputs are made of is made once.
class Link {
public:
  Link(const ProgramParts &parts, const Outputs &outputs, OutputFiles &planned)
      : parts(parts), outputs(outputs), planned(planned) {}

  llvm::Error run() {
    if (llvm::Error failure = createFiles())
      return failure;
    if (llvm::Error failure = writeFiles())
      return failure;
    for (auto &file : files)
      if (llvm::Error failure = file->keep())
        return failure;
    return llvm::Error::success();
  }

private:
  bool embeds() const { return outputs.weightsPath.empty(); }
  llvm::Error createFiles();
  llvm::Error writeFiles();
  llvm::Expected<std::unique_ptr<LinkedFile>> makeFile(const EmittedFile &output, OutputFile file);
  llvm::Expected<std::unique_ptr<LinkedFile>> makeElf(const EmittedFile &output, OutputFile file);
  llvm::Expected<std::unique_ptr<LinkedFile>> makeMacho(const EmittedFile &output, OutputFile file);
  llvm::Expected<std::unique_ptr<LinkedFile>> makeHeader(OutputFile file);
  llvm::Error prepareObjects();
  std::string machoPlaceholder() const;
  llvm::Expected<Buffer> object();
  llvm::Expected<Buffer> linked(const EmittedFile &output);

  const ProgramParts &parts;
  const Outputs &outputs;
  OutputFiles &planned;
  std::unique_ptr<LinkInputs> inputs;
  Buffer localized;
  std::vector<std::unique_ptr<LinkedFile>> files;
};

llvm::Error Link::prepareObjects() {
  if (inputs)
    return llvm::Error::success();
  auto created = LinkInputs::open(runtimeDirectory(parts.system->name), *parts.system,
                                  {parts.model.hasSteps(), parts.wantsLoader});
  if (!created)
    return created.takeError();
  inputs = std::move(*created);
  auto model =
      emitModelObject(parts.model, phi_bytes_hash(0, parts.manifest.data(), parts.manifest.size()), *parts.system);
  if (!model)
    return model.takeError();
  if (llvm::Error failure = inputs->addObject(*model))
    return failure;
  for (llvm::ArrayRef<char> object : parts.objects)
    if (llvm::Error failure = inputs->addObject(object))
      return failure;
  return llvm::Error::success();
}

/// In a program or shared library for macOS, what stands for the weights until they are written; empty without them.
std::string Link::machoPlaceholder() const {
  constexpr uint64_t kBytes = sizeof(phi_weights_trailer);
  if (!embeds())
    return "";
  return machoWeightsStart({*parts.system, kBytes, std::string("_") + kMachoWeightsSymbol, ""}) +
         std::string(kBytes, '\0');
}

/// The object of lib, shared and obj.
llvm::Expected<Buffer> Link::object() {
  if (localized)
    return localized;
  auto object = inputs->linkObject();
  if (!object)
    return object.takeError();
  auto local = localizeSymbols(**object, outputs.name);
  if (!local)
    return local.takeError();
  return localized = std::move(*local);
}

llvm::Expected<Buffer> Link::linked(const EmittedFile &output) {
  auto shared = [](llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> bytes) -> llvm::Expected<Buffer> {
    return bytes ? llvm::Expected<Buffer>(std::move(*bytes)) : bytes.takeError();
  };
  if (output.kind == EmitKind::Exe)
    return shared(inputs->linkProgram());
  auto bytes = object();
  if (!bytes || output.kind != EmitKind::Shared)
    return bytes;
  return shared(inputs->linkShared({(*bytes)->getBufferStart(), (*bytes)->getBufferSize()},
                                   llvm::sys::path::filename(output.path)));
}

llvm::Expected<std::unique_ptr<LinkedFile>> Link::makeElf(const EmittedFile &output, OutputFile file) {
  if (llvm::Error failure = prepareObjects())
    return std::move(failure);
  auto bytes = linked(output);
  if (!bytes)
    return bytes.takeError();
  ElfFileOptions options = {parts.manifest, parts.model.weightsBytes, parts.system->pageBytes, embeds(), ""};
  if (output.kind == EmitKind::Lib)
    options.archiveSymbol = "phi_query_" + outputs.name;
  return ElfFile::make(std::move(file), *bytes, options);
}

llvm::Expected<std::unique_ptr<LinkedFile>> Link::makeMacho(const EmittedFile &output, OutputFile file) {
  if (llvm::Error failure = prepareObjects())
    return std::move(failure);
  if (output.kind == EmitKind::Lib) {
    auto objects = inputs->machoObjects();
    if (!objects)
      return objects.takeError();
    return MachoLibrary::make(std::move(file), std::move(*objects),
                              {*parts.system, outputs.name, parts.manifest, parts.model.weightsBytes, embeds()});
  }
  auto bytes = output.kind == EmitKind::Exe
                   ? inputs->linkMachoProgram(parts.manifest, machoPlaceholder())
                   : inputs->linkMachoShared(parts.manifest, machoPlaceholder(), llvm::sys::path::filename(output.path),
                                             "phi_query_" + outputs.name);
  if (!bytes)
    return bytes.takeError();
  // Nothing in a program depends on what its file is called.
  std::string identifier = "phic." + (output.kind == EmitKind::Exe ? parts.model.name : outputs.name);
  return MachoFile::make(std::move(file), std::move(*bytes),
                         {identifier, parts.model.weightsBytes, parts.system->pageBytes, embeds()});
}

llvm::Expected<std::unique_ptr<LinkedFile>> Link::makeHeader(OutputFile file) {
  std::string interface;
  for (const char *name : {"runtime.h", "graph.h"}) {
    if (parts.model.hasSteps() && name == llvm::StringRef("graph.h"))
      break;
    std::string path = runtimeDirectory(parts.system->name) + "/" + name;
    auto text = readInput(path);
    if (!text)
      return llvm::createStringError("no runtime for " + llvm::StringRef(parts.system->name) + ": " +
                                     llvm::toString(text.takeError()));
    interface += (*text)->getBuffer();
  }
  return std::make_unique<TextFile>(std::move(file), headerText(parts.model, outputs.name, interface));
}

llvm::Expected<std::unique_ptr<LinkedFile>> Link::makeFile(const EmittedFile &output, OutputFile file) {
  if (output.kind == EmitKind::Header)
    return makeHeader(std::move(file));
  return parts.system->format == ObjectFormat::Elf ? makeElf(output, std::move(file))
                                                   : makeMacho(output, std::move(file));
}

OutputFile::Kind fileKind(EmitKind kind) {
  switch (kind) {
  case EmitKind::Exe:
  case EmitKind::Shared:
    return OutputFile::Kind::Program;
  case EmitKind::Lib:
  case EmitKind::Obj:
    return OutputFile::Kind::Library;
  case EmitKind::Header:
    return OutputFile::Kind::Data;
  }
  llvm_unreachable("every kind is a file");
}

llvm::Error Link::createFiles() {
  // First: a path that cannot be written is known before anything is done.
  std::vector<OutputFile> created;
  auto create = [&](const std::string &path, OutputFile::Kind kind) -> llvm::Error {
    auto file = OutputFile::create(path, planned, kind);
    if (file)
      created.push_back(std::move(*file));
    return file.takeError();
  };
  for (const EmittedFile &output : outputs.files)
    if (llvm::Error failure = create(output.path, fileKind(output.kind)))
      return failure;
  if (!embeds())
    if (llvm::Error failure = create(outputs.weightsPath, OutputFile::Kind::Library))
      return failure;
  for (size_t i = 0; i < outputs.files.size(); ++i) {
    auto file = makeFile(outputs.files[i], std::move(created[i]));
    if (!file)
      return file.takeError();
    files.push_back(std::move(*file));
  }
  if (!embeds())
    files.push_back(std::make_unique<Sidecar>(std::move(created.back()), parts.model.weightsBytes));
  return llvm::Error::success();
}

llvm::Error Link::writeFiles() {
  std::vector<LinkedFile *> holders;
  for (auto &file : files) {
    if (llvm::Error failure = file->begin())
      return failure;
    if (file->takesWeights())
      holders.push_back(file.get());
  }
  uint64_t hash = 0; // a header alone has none
  if (!holders.empty()) {
    Fan fan(holders);
    if (llvm::Error failure = parts.writeWeights(fan))
      return failure;
    assert(fan.position() == parts.model.weightsBytes && "the plan says how many bytes there are");
    auto found = holders.front()->hashWeights(parts.model.weightsBytes);
    if (!found)
      return found.takeError();
    hash = *found;
  }
  for (auto &file : files)
    if (llvm::Error failure = file->finish(hash))
      return failure;
  return llvm::Error::success();
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

llvm::Error linkOutputs(const ProgramParts &parts, const Outputs &outputs, OutputFiles &planned) {
  return Link(parts, outputs, planned).run();
}

} // namespace phic
