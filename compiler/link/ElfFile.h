//===- ElfFile.h - Programs and libraries as files -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last step of a link: the file as LLD left it, without its section table,
// then the manifest, a section table that knows all, and page-aligned at the end
// the weights with their trailer, unless those have a file of their own:
//
//     headers | sections | manifest | section names | section table | weights | trailer
//
// In a program or shared library the weights are the last segment, whose size and
// place in the headers change; in an object they are a section. A static library
// is such an object with an archive's headers before it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_ELFFILE_H
#define PHIC_COMPILER_LINK_ELFFILE_H

#include "compiler/link/LinkedFile.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <vector>

namespace phic {

struct ElfFileOptions {
  std::string manifest;
  uint64_t weightsBytes = 0;
  uint64_t pageBytes = 4096;  ///< weights lie on a multiple
  bool embedWeights = true;
  std::string archiveSymbol;  ///< not empty: an archive with this symbol in its index
};

class ElfFile final : public LinkedFile {
public:
  /// `linked` is what LLD wrote with one of runtime/*.ld, its placeholder for the weights in it.
  static llvm::Expected<std::unique_ptr<ElfFile>> make(OutputFile file, std::shared_ptr<llvm::MemoryBuffer> linked,
                                                       ElfFileOptions options);
  llvm::Error begin() override;
  bool takesWeights() const override { return options.embedWeights; }
  llvm::Error finish(uint64_t weightsHash) override;

private:
  using Elf = llvm::object::ELF64LE;

  ElfFile(OutputFile file, std::shared_ptr<llvm::MemoryBuffer> linked, ElfFileOptions options)
      : LinkedFile(std::move(file)), linked(std::move(linked)), options(std::move(options)) {}
  llvm::Error takeApart();
  void place();
  void placeWeights();
  uint64_t imageHash(uint64_t weightsHash) const;
  bool isObject() const { return header.e_type == llvm::ELF::ET_REL; }

  std::shared_ptr<llvm::MemoryBuffer> linked;
  ElfFileOptions options;
  Elf::Ehdr header;
  std::vector<Elf::Phdr> segments;
  std::vector<Elf::Shdr> sections;
  std::string sectionNames;                      ///< each ended by a zero, in order
  size_t weights = 0, model = 0, hash = 0, nameTable = 0; ///< indices into `sections`, 0: none
  uint64_t kept = 0;                             ///< bytes of `linked` that stay
  uint64_t size = 0;                             ///< of the ELF file, weights included
  uint64_t prefix = 0;                           ///< an archive's bytes before it
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_ELFFILE_H
