// main.c - Runs a program for macOS on Linux. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     macos PROGRAM [argument...]
//
// On an ARM processor, or in qemu-aarch64. It is for what phic makes, and nothing else.
#include "image.h"
#include <stdlib.h>

struct Image theImage;

typedef int Main(int argc, char **argv, char **environment, char **apple);

int main(int argc, char **argv, char **environment) {
  if (argc < 2)
    refuse("needs a program", NULL);
  const char *path = realpath(argv[1], NULL);
  if (!path)
    refuse("no such program", argv[1]);
  loadImage(&theImage, path);
  char *apple[] = {NULL};
  exit(((Main *)(theImage.base + theImage.entry))(argc - 1, argv + 1, environment, apple));
}
