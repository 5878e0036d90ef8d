//===- image.h - A Mach-O program in memory --------------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_EMULATORS_MACOS_IMAGE_H
#define PHIC_TEST_EMULATORS_MACOS_IMAGE_H

#include <stdint.h>

struct Image {
  const char *path;
  uint8_t *base;    // of the first segment
  uint64_t bytes;   // from there to the end of the last
  uint64_t entry;   // offset of main
};

// Says why on standard error and ends the process with exit code 126.
_Noreturn void refuse(const char *what, const char *name);

// Maps the program's segments at an address that the system chooses, and binds what it imports. macOS would refuse
// whatever is refused here: segments that are writable and executable, that overlap, or that lie beside a page.
void loadImage(struct Image *image, const char *path);

// The address of a function of libSystem, by its symbol; 0 if there is none of that name.
uint64_t libSystemSymbol(const char *name);
// What those functions know about the program.
extern struct Image theImage;

#endif // PHIC_TEST_EMULATORS_MACOS_IMAGE_H
