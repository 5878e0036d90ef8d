//===- ProgramPipe.cpp - Runs a program, reads what it streams -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/ProgramPipe.h"
#include "compiler/verify/Emulator.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

using namespace llvm;

namespace phic {
namespace {

/// The descriptor that the program writes to; 0 to 2 are its own.
constexpr int kProgramFile = 3;

Error error(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

/// As C wants them, a null pointer last.
std::vector<char *> pointersTo(std::vector<std::string> &texts) {
  std::vector<char *> pointers;
  for (std::string &text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

} // namespace

Error ProgramPipe::start(const std::vector<std::string> &arguments, const Emulator *emulator) {
  Expected<std::vector<std::string>> command = commandFor(program);
  if (!command)
    return command.takeError();
  std::vector<std::string> words = std::move(*command);
  words.insert(words.end(), {flag, std::to_string(kProgramFile)});
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (emulator && emulator->isMachine())
    return runEmulated(*emulator, words);
  return startPiped(words, emulator ? emulator->environment() : std::vector<std::string>());
}

Error ProgramPipe::startPiped(const std::vector<std::string> &words, const std::vector<std::string> &environment) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return error(Twine("cannot make a pipe: ") + std::strerror(errno));
  file = ends[0];
  Error failure = spawn(words, environment, ends[1]);
  close(ends[1]);
  return failure;
}

Error ProgramPipe::runEmulated(const Emulator &emulator, const std::vector<std::string> &words) {
  SmallString<128> path;
  if (std::error_code failure = sys::fs::createTemporaryFile("phic-verify", "stages", path))
    return error("cannot make a temporary file: " + failure.message());
  Error failure = spawn(emulator.command(words, path.str().str()), {}, /*streamTo=*/-1);
  if (!failure)
    failure = finish();
  if (!failure && (file = open(path.c_str(), O_RDONLY | O_CLOEXEC)) < 0)
    failure = error(Twine("cannot read ") + path + ": " + std::strerror(errno));
  sys::fs::remove(path);
  return failure;
}

Error ProgramPipe::spawn(std::vector<std::string> words, std::vector<std::string> environment, int streamTo) {
  std::vector<char *> pointers = pointersTo(words), variables = pointersTo(environment);
  variables.pop_back();
  for (char **own = environ; *own; ++own)
    if (llvm::none_of(environment,
                      [&](StringRef other) { return StringRef(*own).split('=').first == other.split('=').first; }))
      variables.push_back(*own);
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (streamTo >= 0)
    posix_spawn_file_actions_adddup2(&actions, streamTo, kProgramFile);
  int failure = posix_spawn(&process, words.front().c_str(), &actions, nullptr, pointers.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure == 0)
    return Error::success();
  process = -1;
  return error(Twine("cannot run ") + (streamTo >= 0 ? program : words.front()) + ": " + std::strerror(failure));
}

ProgramPipe::~ProgramPipe() {
  if (file >= 0)
    close(file);
  if (process > 0) {
    // The reader gave up: the program would wait for the pipe.
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
  }
}

Error ProgramPipe::damaged(const char *what) const { return error(Twine(program) + ": " + flag + " gave " + what); }

Error ProgramPipe::read(void *bytes, size_t count) {
  auto *at = static_cast<uint8_t *>(bytes);
  while (count > 0) {
    ssize_t got = ::read(file, at, count);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      // What the program says about itself is better than that its stream ended.
      if (Error failure = finish())
        return failure;
      return damaged("too few bytes");
    }
    at += got;
    count -= size_t(got);
  }
  return Error::success();
}

Error ProgramPipe::readHeader(uint64_t magic, const ProgramPlan &plan, phi_stream_header &header) {
  if (Error failure = read(&header, sizeof(header)))
    return failure;
  if (header.magic != magic || header.version != PHI_FORMAT_VERSION || header.stage_count != plan.stageCount ||
      header.context <= 0)
    return damaged("a header that is not this program's");
  return Error::success();
}

Error ProgramPipe::readStep(const ProgramPlan &plan, const phi_stream_header &header, phi_stream_step &step) {
  if (Error failure = read(&step, sizeof(step)))
    return failure;
  if (step.rows < 0 || step.rows > int64_t(plan.chunkRows) || step.past < 0 || step.past > header.context - step.rows ||
      step.logit_row0 < 0 || step.logit_row0 > step.rows || step.total < step.past + step.rows)
    return damaged("a step that cannot be");
  return Error::success();
}

Error ProgramPipe::finish() {
  int status = 0;
  if (process < 0)
    return Error::success();
  while (waitpid(process, &status, 0) < 0 && errno == EINTR)
    ;
  process = -1;
  if (WIFSIGNALED(status))
    return error(Twine(program) + " was ended by signal " + Twine(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    return error(Twine(program) + " ended with exit code " + Twine(WEXITSTATUS(status)));
  return Error::success();
}

} // namespace phic
