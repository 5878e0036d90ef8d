//===- Os_dynamic.cpp - What a dynamic program asks of Linux -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Libraries found at run time, and the environment that they look at: for devices whose driver is a library of the
// system's. Nothing of this is in programs for processors alone, whose static C library could not do it.
//===----------------------------------------------------------------------===//
#include "Os.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace phi::os {

void *openLibrary(const char *name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }

void *findSymbol(void *library, const char *name) { return dlsym(library, name); }

const char *environment(const char *name) { return getenv(name); }

bool takesFiles(const char *folder) {
  char path[kPathBytes];
  const size_t size = strlen(folder);
  if (size >= sizeof(path))
    return false;
  memcpy(path, folder, size + 1);
  while (access(path, W_OK | X_OK) != 0) {
    char *slash = strrchr(path, '/');
    if (errno != ENOENT || !slash || slash == path)
      return false;
    *slash = 0;
  }
  return true;
}

} // namespace phi::os
