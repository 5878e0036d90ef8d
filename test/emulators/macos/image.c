// image.c - A Mach-O program in memory. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What macOS's kernel and loader do with a program such as phic makes: arm64, position-independent, chained fixups, one
// library. The file is phic's own: it is not defended against.
#include "image.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint32_t kPage = 16384, kMagic = 0xfeedfacf, kArm64 = 0x100000c, kExecute = 2;
static const uint32_t kSegment = 0x19, kMain = 0x80000028, kFixups = 0x80000034, kLibrary = 0xc, kMacos = 1,
                      kBuildVersion = 0x32;
static const uint32_t kReadOnlyAfterFixups = 0x10; // a segment's flag

struct Segment {
  uint32_t kind, size;
  char name[16];
  uint64_t address, bytes, offset, fileBytes;
  uint32_t mostProtection, protection, sections, flags;
};

struct Fixups {
  uint32_t version, starts, imports, symbols, importCount, importFormat, symbolFormat;
};

struct PageStarts {
  uint32_t size;
  uint16_t pageBytes, format;
  uint64_t segment;
  uint32_t greatest;
  uint16_t count, first[];
};

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0)
    _exit(125);
}

// Without stdio, whose numbers would need a compiler's library.
_Noreturn void refuse(const char *what, const char *name) {
  say("macos: ");
  say(what);
  say(name ? ": " : "");
  say(name ? name : "");
  say("\n");
  _exit(126);
}

static uint32_t word(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

// Calls `each` with every load command of a kind.
static void forCommands(const uint8_t *file, uint32_t kind, void (*each)(const uint8_t *command, void *state),
                        void *state) {
  const uint8_t *at = file + 32;
  for (uint32_t i = 0; i < word(file + 16); ++i, at += word(at + 4))
    if (word(at) == kind)
      each(at, state);
}

struct Loading {
  struct Image *image;
  int file;
  const uint8_t *whole;
  uint64_t fileBytes;
  uint64_t first, end; // addresses, as the file has them
  const uint8_t *fixups;
  int libraries, versions;
};

static void measure(const uint8_t *command, void *state) {
  struct Loading *loading = state;
  struct Segment segment;
  memcpy(&segment, command, sizeof(segment));
  if (segment.address % kPage || segment.offset % kPage || (segment.protection & ~segment.mostProtection))
    refuse("a segment does not lie on pages of 16 KiB, or claims rights it may not have", segment.name);
  if ((segment.protection & PROT_WRITE) && (segment.protection & PROT_EXEC))
    refuse("a segment is writable and executable", segment.name);
  if (segment.address < loading->end)
    refuse("segments overlap", segment.name);
  if (segment.offset + segment.fileBytes > loading->fileBytes || segment.fileBytes > segment.bytes)
    refuse("a segment goes over the end of the file", segment.name);
  if (segment.protection && !loading->first)
    loading->first = segment.address;
  loading->end = (segment.address + segment.bytes + kPage - 1) / kPage * kPage;
}

static void mapSegment(const uint8_t *command, void *state) {
  struct Loading *loading = state;
  struct Segment segment;
  memcpy(&segment, command, sizeof(segment));
  if (!segment.protection || !segment.fileBytes)
    return;
  // Fixups come first, the rights after them.
  uint8_t *at = loading->image->base + (segment.address - loading->first);
  if (mmap(at, segment.fileBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, loading->file,
           (off_t)segment.offset) == MAP_FAILED)
    refuse("a segment cannot be mapped", segment.name);
}

static void protectSegment(const uint8_t *command, void *state) {
  struct Loading *loading = state;
  struct Segment segment;
  memcpy(&segment, command, sizeof(segment));
  int protection = (int)segment.protection & (segment.flags & kReadOnlyAfterFixups ? ~PROT_WRITE : ~0);
  if (segment.protection &&
      mprotect(loading->image->base + (segment.address - loading->first), segment.bytes, protection) != 0)
    refuse("a segment cannot be protected", segment.name);
}

static void keepFixups(const uint8_t *command, void *state) {
  ((struct Loading *)state)->fixups = ((struct Loading *)state)->whole + word(command + 8);
}

static void keepEntry(const uint8_t *command, void *state) {
  memcpy(&((struct Loading *)state)->image->entry, command + 8, sizeof(uint64_t));
}

static void checkLibrary(const uint8_t *command, void *state) {
  const char *name = (const char *)command + word(command + 8);
  if (strcmp(name, "/usr/lib/libSystem.B.dylib") != 0)
    refuse("it needs another library than libSystem", name);
  ++((struct Loading *)state)->libraries;
}

static void checkVersion(const uint8_t *command, void *state) {
  if (word(command + 8) != kMacos)
    refuse("it is not for macOS", NULL);
  ++((struct Loading *)state)->versions;
}

static uint64_t importOf(const struct Loading *loading, const struct Fixups *fixups, uint64_t ordinal) {
  if (ordinal >= fixups->importCount)
    refuse("a fixup names an import that is not there", NULL);
  const char *name =
      (const char *)loading->fixups + fixups->symbols + (word(loading->fixups + fixups->imports + 4 * ordinal) >> 9);
  uint64_t address = libSystemSymbol(name);
  if (!address)
    refuse("it imports what this libSystem lacks", name);
  return address;
}

// A chain of pointers: each says how far it is to the next.
static void fixChain(const struct Loading *loading, const struct Fixups *fixups, uint8_t *at, uint16_t format) {
  for (uint64_t pointer, next;; at += 4 * next) {
    memcpy(&pointer, at, sizeof(pointer));
    next = pointer >> 51 & 0xfff;
    const uint64_t target = pointer & 0xfffffffff;
    uint64_t value = (uint64_t)loading->image->base + target - (format == 2 ? loading->first : 0);
    if (pointer >> 63)
      value = importOf(loading, fixups, pointer & 0xffffff) + (pointer >> 24 & 0xff);
    memcpy(at, &value, sizeof(value));
    if (!next)
      return;
  }
}

static void applyFixups(const struct Loading *loading) {
  struct Fixups fixups;
  memcpy(&fixups, loading->fixups, sizeof(fixups));
  if (fixups.version != 0 || fixups.importFormat != 1 || fixups.symbolFormat != 0)
    refuse("its fixups are of another format", NULL);
  const uint8_t *starts = loading->fixups + fixups.starts;
  for (uint32_t i = 0; i < word(starts); ++i) {
    const uint32_t offset = word(starts + 4 + 4 * i);
    if (!offset)
      continue;
    const struct PageStarts *pages = (const struct PageStarts *)(starts + offset);
    if (pages->format != 2 && pages->format != 6)
      refuse("its pointers are of another format", NULL);
    for (uint32_t page = 0; page < pages->count; ++page)
      if (pages->first[page] != 0xffff)
        fixChain(loading, &fixups,
                 loading->image->base + pages->segment + (uint64_t)page * pages->pageBytes + pages->first[page],
                 pages->format);
  }
}

void loadImage(struct Image *image, const char *path) {
  struct Loading loading = {image, open(path, O_RDONLY | O_CLOEXEC), NULL, 0, 0, 0, NULL, 0, 0};
  image->path = path;
  const off_t bytes = loading.file < 0 ? -1 : lseek(loading.file, 0, SEEK_END);
  if (bytes < 32)
    refuse("no such program", path);
  loading.fileBytes = (uint64_t)bytes;
  loading.whole = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, loading.file, 0);
  if (loading.whole == MAP_FAILED || word(loading.whole) != kMagic || word(loading.whole + 4) != kArm64 ||
      word(loading.whole + 12) != kExecute)
    refuse("this is no Mach-O program for ARM", path);
  forCommands(loading.whole, kSegment, measure, &loading);
  forCommands(loading.whole, kLibrary, checkLibrary, &loading);
  forCommands(loading.whole, kBuildVersion, checkVersion, &loading);
  forCommands(loading.whole, kFixups, keepFixups, &loading);
  forCommands(loading.whole, kMain, keepEntry, &loading);
  if (loading.libraries != 1 || loading.versions != 1 || !loading.fixups || !image->entry)
    refuse("it lacks what macOS asks of a program", path);
  image->bytes = loading.end - loading.first;
  image->base = mmap(NULL, image->bytes + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (image->base == MAP_FAILED)
    refuse("there is no room for it", path);
  image->base = (uint8_t *)(((uintptr_t)image->base + kPage - 1) / kPage * kPage);
  forCommands(loading.whole, kSegment, mapSegment, &loading);
  // What has no bytes in the file is zeros, which the rest of the reservation is once it may be touched.
  applyFixups(&loading);
  forCommands(loading.whole, kSegment, protectSegment, &loading);
  close(loading.file);
}
