//===- Lld.h - Linking objects in this process -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLD works on files: they are in memory here, and what it made of them comes back
// as bytes. Weights are still a placeholder.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_LLD_H
#define PHIC_COMPILER_LINK_LLD_H

#include "compiler/link/MachoSymbols.h"
#include "compiler/link/MemoryFile.h"
#include "targets/Target.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <string>
#include <vector>

namespace phic {

/// What of the runtime is linked.
struct RuntimeParts {
  bool hasSteps; ///< else libphi_graph.a begins in place of libphi_rt.a
  bool wantsLoader; ///< of the system's, for libraries that glibc 2.17 can load; libphi_loader.a begins
};

/// Objects to be linked, and the prebuilt files of a system.
class LinkInputs {
public:
  /// `runtime` is a folder with the runtime's archives, and the linker scripts and musl's files or the stub of libSystem.
  static llvm::Expected<std::unique_ptr<LinkInputs>> open(std::string runtime, const System &system,
                                                          RuntimeParts parts);

  llvm::Error addObject(llvm::ArrayRef<char> object);

  /// The objects, the runtime and musl as a static program; or as one that starts the system's loader where there is one, and
  /// then has the system's C library.
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkProgram();
  /// The objects and what `phi_query` needs of the runtime as one relocatable object.
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkObject();
  /// Such an object as a shared library.
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkShared(llvm::ArrayRef<char> object, llvm::StringRef soName);

  /// For macOS: the objects, the one with the weights (if not empty), the runtime and the manifest as a program that needs
  /// libSystem, or as a library that exports `query` and nothing else.
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkMachoProgram(llvm::StringRef manifest,
                                                                       llvm::StringRef weights);
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkMachoShared(llvm::StringRef manifest, llvm::StringRef weights,
                                                                      llvm::StringRef fileName,
                                                                      const std::string &query);

  /// All of it, not linked: the objects and those of the runtime.
  llvm::Expected<std::vector<MachoMember>> machoObjects() const;

private:
  LinkInputs(std::string runtime, const System &system, RuntimeParts parts)
      : runtime(std::move(runtime)), system(system), parts(parts) {}
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkMacho(std::vector<std::string> arguments,
                                                                llvm::StringRef manifest, llvm::StringRef weights);
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> run(std::vector<std::string> arguments);
  std::string file(const char *name) const { return runtime + "/" + name; }
  void appendObjects(std::vector<std::string> &arguments) const;
  /// In the order in which the linker is to look into them.
  std::vector<std::string> libraries() const;
  /// Of the system's libraries.
  llvm::Expected<std::vector<std::string>> stubs() const;
  llvm::Error addMembers(const std::string &library, std::vector<MachoMember> &members) const;

  std::string runtime;
  const System &system;
  RuntimeParts parts;
  std::vector<MemoryFile> objects;
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_LLD_H
