//===- Front.h - What fronts of programs do alike --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program for Linux has one front, which lies in the first page of its file, behind the headers (program.ld). Nothing
// else is trusted, or even there, before the hash of the image is the one that it was linked with. What lies behind the
// image is checked by those who read it: tokenizer tables (Tables.cpp) and weights (Model.cpp).
//
// No C library, and no address that would have to be relocated: only system calls, and names within reach.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_FRONT_H
#define PHI_RUNTIME_FRONT_H

#include "phi/image.h"

#pragma GCC visibility push(hidden)
extern "C" {
extern unsigned char __ehdr_start[]; // LLD's: where the file's first byte is
extern unsigned char phi_relro_begin[], phi_relro_end[];
__attribute__((used, section(".phi_hash"))) extern const volatile uint64_t phi_hash_of_image =
    0; // written by the linker
}
#pragma GCC visibility pop

namespace {

#if defined(__x86_64__)
constexpr long kWrite = 1, kProtect = 10, kSigaction = 13, kExit = 231;

inline long call(long number, long a, long b, long c, long d) {
  register long fourth __asm__("r10") = d;
  __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
  return number;
}
#elif defined(__aarch64__)
constexpr long kWrite = 64, kProtect = 226, kSigaction = 134, kExit = 94;

inline long call(long number, long a, long b, long c, long d) {
  register long eighth __asm__("x8") = number;
  register long first __asm__("x0") = a;
  register long second __asm__("x1") = b;
  register long third __asm__("x2") = c;
  register long fourth __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(first) : "r"(eighth), "r"(second), "r"(third), "r"(fourth) : "memory");
  return first;
}
#endif

constexpr char kCutShort[] = "this model's file is damaged: it is cut short\n";
constexpr char kChanged[] = "this model's file is damaged: it is not as it was linked\n";

template <long Size> [[noreturn]] void refuse(const char (&sentence)[Size]) {
  constexpr long kStandardError = 2, kExitDamaged = 2;
  call(kWrite, kStandardError, reinterpret_cast<long>(sentence), Size - 1, 0);
  for (;;)
    call(kExit, kExitDamaged, 0, 0, 0);
}

inline void onMissingPage(int) { refuse(kCutShort); }

/// As the kernel reads it.
struct Action {
  void (*handler)(int);
  uint64_t flags;
  void (*restorer)(int);
  uint64_t mask;
};

/// Of both signals that reading what is not there can raise; nullptr: the system's own.
inline void handle(void (*handler)(int)) {
  constexpr uint64_t kHasRestorer = 0x04000000;
  constexpr long kBus = 7, kSegment = 11;
  Action action = {handler, kHasRestorer, handler, 0}; // which never returns
  call(kSigaction, kBus, reinterpret_cast<long>(&action), 0, sizeof(action.mask));
  call(kSigaction, kSegment, reinterpret_cast<long>(&action), 0, sizeof(action.mask));
}

/// What the kernel says of the process, behind arguments and environment: pairs of words.
inline uint64_t *auxiliaryVector(uint64_t *stack) {
  stack += 1 + *stack + 1;
  while (*stack++) {
  }
  return stack;
}

inline uint64_t pageBytes(uint64_t *stack) {
  constexpr uint64_t kEnd = 0, kPageSize = 6;
  for (const uint64_t *entry = auxiliaryVector(stack); *entry != kEnd; entry += 2)
    if (*entry == kPageSize)
      return entry[1];
  return 4096;
}

inline void closeConstants(uint64_t page) {
  constexpr long kReadOnly = 1;
  const uint64_t begin = reinterpret_cast<uint64_t>(phi_relro_begin) & ~(page - 1);
  call(kProtect, long(begin), long(reinterpret_cast<uint64_t>(phi_relro_end) - begin), kReadOnly, 0);
}

/// Ends the process if the image is not as it was linked, or not all there.
inline void checkImage() {
  handle(onMissingPage);
  // Where the headers of a 64-bit ELF file say where the segments are.
  const auto *segments = reinterpret_cast<const phi_segment *>(__ehdr_start + *(const uint64_t *)(__ehdr_start + 32));
  const uint32_t count = *(const uint16_t *)(__ehdr_start + 56);
  const auto *word = reinterpret_cast<const unsigned char *>(const_cast<const uint64_t *>(&phi_hash_of_image));
  if (phi_image_hash(__ehdr_start, /*loaded=*/1, segments, count, word) != phi_hash_of_image)
    refuse(kChanged);
  handle(nullptr);
}

} // namespace

#endif // PHI_RUNTIME_FRONT_H
