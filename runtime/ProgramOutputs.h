//===- ProgramOutputs.h - What a program writes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All that a program writes goes through here: a file of results is there whole, or not at all, whatever ends the
// program but SIGKILL; and what standard output does not take is an error, never a silence.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_PROGRAMOUTPUTS_H
#define PHI_RUNTIME_PROGRAMOUTPUTS_H

#include "Writer.h"
#include "runtime/devices/Device.h"

namespace phi {

/// A file of results. Devices and pipes take them as well, and stay.
struct ResultFile {
  const char *path = nullptr;
  int file = -1;              ///< -1: not open
  ResultFile *next = nullptr; ///< of those that are open

  /// False when it cannot be made; os::lastError() says why. `path` must outlive it.
  bool create(const char *path);
  /// What is written so far is all. False, and the file gone, when it did not reach the disk.
  bool keep();
  /// Removes it, if it is open.
  void discard();
};

/// At the program's start: removes unfinished files when a signal ends it, and makes failed writes tell instead of end it.
void guardOutputs();
/// The same for who ends the program without returning; a signal handler may.
void discardUnfinished();
/// A line on standard error and the process's end; a signal handler may call it.
[[noreturn]] void endWith(Text sentence, int code);
/// For os::onMissingPage: ends the program with a sentence about its own file.
void onDamagedFile();

/// What a program tells on standard error while it starts: a line each. One that is passing is written over by the next, and
/// shown on a terminal only.
class NoteLines {
public:
  NoteLines(Writer &errors, int file) : errors(errors), file(file) {}
  Notes notes() { return {tell, this}; }

private:
  static void tell(void *self, const char *line, bool isPassing);

  Writer &errors;
  int file;
  bool isOver = false; ///< the next line is written over the one before
};

/// On what a session runs, where its device has something to tell.
void tellAnnouncement(const DeviceSession &session, const Notes &notes);

/// At the program's end: its exit code, which is kExitUsage after a sentence where `out` or `errors` did not take
/// everything.
int closeOutputs(Writer &out, Writer &errors, int code);

} // namespace phi

#endif // PHI_RUNTIME_PROGRAMOUTPUTS_H
