//===- ProgramOutputs.cpp - What a program writes ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ProgramOutputs.h"

#include "Os.h"
#include "Program.h"

namespace phi {

// A signal handler cannot be given anything: those that it has to remove.
static ResultFile *volatile unfinished = nullptr;

static void forget(ResultFile *file) {
  if (unfinished == file) {
    unfinished = file->next;
    return;
  }
  for (ResultFile *other = unfinished; other; other = other->next)
    if (other->next == file)
      other->next = file->next;
}

/// What is no regular file was there before, and is no program's to remove.
static void removeResults(const ResultFile &file) {
  os::FileId id;
  if (os::idOfFile(file.file, &id))
    os::removeFile(file.path);
}

bool ResultFile::create(const char *given) {
  path = given;
  file = os::createFile(path);
  if (file < 0)
    return false;
  next = unfinished;
  unfinished = this;
  return true;
}

bool ResultFile::keep() {
  // Some file systems tell only at the end that there was no room.
  os::FileId id;
  const bool isRegular = os::idOfFile(file, &id), isWritten = os::closeFile(file);
  forget(this);
  file = -1;
  if (!isWritten && isRegular)
    os::removeFile(path);
  return isWritten;
}

void ResultFile::discard() {
  if (file < 0)
    return;
  removeResults(*this);
  os::closeFile(file);
  forget(this);
  file = -1;
}

void discardUnfinished() {
  for (const ResultFile *file = unfinished; file; file = file->next)
    removeResults(*file);
}

void endWith(Text sentence, int code) {
  os::writeAll(os::kStandardError, sentence.begin, sentence.size);
  discardUnfinished();
  os::exitNow(code);
}

void onDamagedFile() { endWith("this model's file is damaged: its weights are cut short\n", kExitDamaged); }

void guardOutputs() {
  os::onEnd([](int signal) {
    discardUnfinished();
    os::exitNow(128 + signal); // as a shell says it
  });
}

void NoteLines::tell(void *self, const char *line, bool isPassing) {
  auto &lines = *static_cast<NoteLines *>(self);
  if (isPassing && !os::isTerminal(lines.file))
    return;
  lines.errors << (lines.isOver ? "\r\x1b[K" : "") << line << (isPassing ? "" : "\n");
  lines.isOver = isPassing;
  lines.errors.flush();
}

void tellAnnouncement(const DeviceSession &session, const Notes &notes) {
  const phi_device &device = session.code->device();
  if (!device.announce)
    return;
  char text[256];
  Writer line(text, sizeof(text));
  device.announce(session, line);
  notes(text);
}

int closeOutputs(Writer &out, Writer &errors, int code) {
  if (!out.flush() && code == kExitFine) {
    errors << "cannot write to standard output: it is closed or full\n";
    code = kExitUsage;
  }
  return errors.flush() || code != kExitFine ? code : kExitUsage;
}

} // namespace phi
