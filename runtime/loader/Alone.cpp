//===- Alone.cpp - Without the system's loader -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Does to an image what a loader would, with functions of musl's, which the program has under names of their own
// (musl_open for open): it then is a static program like any other.
//
// Called by the front, before any C library: no strings of pointers, only names within reach.
//===----------------------------------------------------------------------===//
#include <stdint.h>

namespace {

/// Of ELF's dynamic symbols and relocations.
struct ImportedSymbol {
  uint32_t name;
  uint8_t kind, visibility;
  uint16_t section;
  uint64_t value, bytes;
};
struct Relocation {
  uint64_t place;
  uint32_t kind, symbol;
  uint64_t addend;
};

} // namespace

#pragma GCC visibility push(hidden)
extern "C" {
extern unsigned char __ehdr_start[];
extern const Relocation phi_relocations_begin[], phi_relocations_end[], phi_calls_begin[], phi_calls_end[];
extern const ImportedSymbol phi_symbols[];
extern const char phi_symbol_names[];
void phi_bind_alone();
// Functions and variables: only their addresses matter here.
#define PHI_IMPORT(LIBRARY, NAME, VERSION, ALONE) extern unsigned char musl_##NAME[];
#include "runtime/loader/Imports.def"
}
#pragma GCC visibility pop

namespace {

#if defined(__x86_64__)
constexpr uint32_t kRelative = 8;
#elif defined(__aarch64__)
constexpr uint32_t kRelative = 1027;
#endif

void *nothing() { return nullptr; }

bool isSame(const char *a, const char *b) {
  for (; *a && *a == *b; ++a, ++b) {
  }
  return *a == *b;
}

uint64_t standIn(const char *name) {
#define PHI_Musl(NAME) musl_##NAME
#define PHI_MuslData(NAME) musl_##NAME
#define PHI_Nothing(NAME) nothing
#define PHI_IMPORT(LIBRARY, NAME, VERSION, ALONE)                                                                      \
  if (isSame(name, #NAME))                                                                                             \
    return reinterpret_cast<uint64_t>(PHI_##ALONE(NAME));
#include "runtime/loader/Imports.def"
  return 0;
}

/// Either of the image's own address, or of a symbol that it imports.
void relocate(const Relocation *begin, const Relocation *end) {
  const uint64_t image = reinterpret_cast<uint64_t>(__ehdr_start);
  for (; begin < end; ++begin) {
    const uint64_t base =
        begin->kind == kRelative ? image : standIn(phi_symbol_names + phi_symbols[begin->symbol].name);
    *reinterpret_cast<uint64_t *>(image + begin->place) = base + begin->addend;
  }
}

} // namespace

void phi_bind_alone() {
  relocate(phi_relocations_begin, phi_relocations_end);
  relocate(phi_calls_begin, phi_calls_end);
}
