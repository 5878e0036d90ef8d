//===- CompilerFiles.cpp - The files that phic itself is made of -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/cache/CompilerFiles.h"
#include "compiler/link/Linker.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <link.h>

namespace fs = llvm::sys::fs;

namespace phic {
namespace {

/// Names of the libraries that decide what an output looks like, up to their version.
constexpr llvm::StringRef kDeciding[] = {"libphic.so", "libHalide.so", "libLLVM", "libMLIR", "libicu"};

/// The GNU build id among the notes of a loaded file.
std::string buildIdOf(const dl_phdr_info &info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE)
      continue;
    const char *note = reinterpret_cast<const char *>(info.dlpi_addr + segment.p_vaddr);
    const char *end = note + segment.p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      const auto &header = *reinterpret_cast<const ElfW(Nhdr) *>(note);
      const char *name = note + sizeof(header), *data = name + llvm::alignTo(header.n_namesz, 4);
      if (header.n_type == NT_GNU_BUILD_ID && llvm::StringRef(name, header.n_namesz) == llvm::StringRef("GNU", 4))
        return llvm::toHex(llvm::StringRef(data, header.n_descsz), /*LowerCase=*/true);
      note = data + llvm::alignTo(header.n_descsz, 4);
    }
  }
  return "";
}

int addLoadedFile(dl_phdr_info *info, size_t, void *into) {
  auto &files = *static_cast<std::vector<CompilerFile> *>(into);
  bool isExecutable = files.empty(); // the first, and without a name
  llvm::StringRef path = isExecutable ? "/proc/self/exe" : info->dlpi_name;
  llvm::StringRef name = llvm::sys::path::filename(path);
  if (!isExecutable && llvm::none_of(kDeciding, [&](llvm::StringRef prefix) { return name.starts_with(prefix); }))
    return 0;
  llvm::SmallString<256> real;
  if (fs::real_path(path, real))
    real = path;
  files.push_back({real.str().str(), buildIdOf(*info)});
  return 0;
}

} // namespace

std::vector<CompilerFile> loadedCompilerFiles() {
  std::vector<CompilerFile> files;
  dl_iterate_phdr(addLoadedFile, &files);
  return files;
}

std::vector<std::string> runtimeFiles() {
  std::vector<std::string> files;
  std::error_code failure;
  for (fs::recursive_directory_iterator it(runtimeDirectory(""), failure), end; it != end && !failure;
       it.increment(failure))
    if (fs::is_regular_file(it->path()))
      files.push_back(it->path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<std::string> filesOfPhic() {
  std::vector<std::string> files = runtimeFiles();
  for (const CompilerFile &file : loadedCompilerFiles())
    files.push_back(file.path);
  return files;
}

} // namespace phic
