//===- StageStream.cpp - Runs a program, reads its stages ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/StageStream.h"
#include "compiler/verify/Emulator.h"
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
/// No buffer of a stage is larger; what a damaged program says is not allocated.
constexpr uint64_t kMostBytes = uint64_t(1) << 34;

Error error(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

} // namespace

Expected<std::unique_ptr<StageStream>> StageStream::run(const std::string &program, const std::vector<std::string> &arguments,
                                                        const phi_model &model, const Avx512Emulator *emulator) {
  std::unique_ptr<StageStream> stream(new StageStream(program, model));
  Expected<std::vector<std::string>> command = commandFor(program);
  if (!command)
    return command.takeError();
  std::vector<std::string> words = std::move(*command);
  words.insert(words.end(), {"--stream-stages", std::to_string(kProgramFile)});
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (Error failure = emulator ? stream->runEmulated(*emulator, words) : stream->start(words))
    return std::move(failure);
  if (Error failure = stream->readHeader())
    return std::move(failure);
  return stream;
}

Error StageStream::start(const std::vector<std::string> &words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return error(Twine("cannot make a pipe: ") + std::strerror(errno));
  file = ends[0];
  Error failure = spawn(words, ends[1]);
  close(ends[1]);
  return failure;
}

Error StageStream::runEmulated(const Avx512Emulator &emulator, const std::vector<std::string> &words) {
  SmallString<128> path;
  if (std::error_code failure = sys::fs::createTemporaryFile("phic-verify", "stages", path))
    return error("cannot make a temporary file: " + failure.message());
  Error failure = spawn(emulator.command(words, path.str().str()), /*streamTo=*/-1);
  if (!failure)
    failure = finish();
  if (!failure && (file = open(path.c_str(), O_RDONLY | O_CLOEXEC)) < 0)
    failure = error(Twine("cannot read ") + path + ": " + std::strerror(errno));
  sys::fs::remove(path);
  return failure;
}

Error StageStream::spawn(std::vector<std::string> words, int streamTo) {
  std::vector<char *> pointers;
  for (std::string &word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (streamTo >= 0)
    posix_spawn_file_actions_adddup2(&actions, streamTo, kProgramFile);
  int failure = posix_spawn(&process, words.front().c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failure == 0)
    return Error::success();
  process = -1;
  return error(Twine("cannot run ") + words.front() + ": " + std::strerror(failure));
}

StageStream::~StageStream() {
  if (file >= 0)
    close(file);
  if (process > 0) {
    // The reader gave up: the program would wait for the pipe.
    kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
  }
}

Error StageStream::damaged(const char *what) { return error(Twine(program) + ": --stream-stages gave " + what); }

Error StageStream::read(void *bytes, size_t count) {
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

Error StageStream::readPadded(void *bytes, size_t count) {
  uint8_t padding[8];
  if (Error failure = read(bytes, count))
    return failure;
  return read(padding, (8 - count % 8) % 8);
}

Error StageStream::readHeader() {
  if (Error failure = read(&header, sizeof(header)))
    return failure;
  if (header.magic != PHI_STREAM_MAGIC || header.version != PHI_FORMAT_VERSION || header.stage_count != model.stage_count ||
      header.context <= 0)
    return damaged("a header that is not this program's");
  return Error::success();
}

Expected<std::optional<StageStream::Step>> StageStream::nextStep() {
  Step step;
  if (Error failure = read(&step.facts, sizeof(step.facts)))
    return std::move(failure);
  const phi_stream_step &facts = step.facts;
  if (facts.rows == 0)
    return std::nullopt;
  if (facts.rows < 0 || facts.rows > int64_t(model.chunk_rows) || facts.past < 0 || facts.past > header.context - facts.rows ||
      facts.logit_row0 < 0 || facts.logit_row0 > facts.rows || facts.total < facts.past + facts.rows)
    return damaged("a step that cannot be");
  step.tokens.resize(size_t(facts.rows));
  if (Error failure = readPadded(step.tokens.data(), step.tokens.size() * sizeof(int32_t)))
    return std::move(failure);
  for (int32_t token : step.tokens)
    if (token < 0 || uint32_t(token) >= model.vocab)
      return damaged("a token outside the vocabulary");
  return step;
}

Expected<StageStream::Stage> StageStream::nextStage() {
  phi_stream_stage facts;
  if (Error failure = read(&facts, sizeof(facts)))
    return std::move(failure);
  if (facts.stage >= model.stage_count)
    return damaged("a stage that the program does not have");
  Stage stage;
  stage.index = facts.stage;
  for (uint32_t i = 0; i < facts.output_count; ++i) {
    uint64_t count = 0;
    if (Error failure = read(&count, sizeof(count)))
      return std::move(failure);
    if (count > kMostBytes)
      return damaged("a buffer that is too large");
    stage.outputs.emplace_back(size_t(count));
    if (Error failure = readPadded(stage.outputs.back().data(), size_t(count)))
      return std::move(failure);
  }
  return stage;
}

Error StageStream::finish() {
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
