//===- ProgramOutputsTest.cpp - Files whole or not at all --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ends a process is tried in a child.
//===----------------------------------------------------------------------===//
#include "runtime/ProgramOutputs.h"
#include "runtime/Os.h"
#include "runtime/Program.h"
#include "gtest/gtest.h"
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace phi;

namespace {

std::string fresh(const char *name) {
  std::string path = testing::TempDir() + "outputs-" + std::to_string(getpid()) + "-" + name;
  std::filesystem::remove(path);
  return path;
}

/// The exit code of a process that runs `body`; minus the signal that ended it.
int exitOf(const std::function<void()> &body) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(ResultFile, StaysWhenKeptAndGoesWhenDiscarded) {
  const std::string kept = fresh("kept"), dropped = fresh("dropped");
  ResultFile first, second;
  ASSERT_TRUE(first.create(kept.c_str()) && second.create(dropped.c_str()));
  EXPECT_TRUE(first.keep());
  second.discard();
  second.discard(); // of nothing
  EXPECT_TRUE(std::filesystem::exists(kept));
  EXPECT_FALSE(std::filesystem::exists(dropped));
  std::filesystem::remove(kept);
}

TEST(ResultFile, NeverRemovesWhatIsNoRegularFile) {
  const std::string fifo = fresh("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  ResultFile file;
  ASSERT_TRUE(file.create(fifo.c_str()));
  discardUnfinished();
  file.discard();
  EXPECT_TRUE(std::filesystem::exists(fifo));
  close(reader);
  std::filesystem::remove(fifo);
}

TEST(ResultFile, GoesWithAProgramThatASignalEnds) {
  for (int signal : {SIGTERM, SIGHUP, SIGINT}) {
    const std::string done = fresh("done"), first = fresh("first"), second = fresh("second");
    int code = exitOf([&] {
      guardOutputs();
      ResultFile files[3];
      bool made = files[0].create(done.c_str()) && files[1].create(first.c_str()) && files[2].create(second.c_str());
      if (made && files[0].keep())
        raise(signal);
    });
    EXPECT_EQ(code, 128 + signal);
    EXPECT_TRUE(std::filesystem::exists(done));
    EXPECT_FALSE(std::filesystem::exists(first) || std::filesystem::exists(second)) << signal;
    std::filesystem::remove(done);
  }
}

TEST(Outputs, ASignalThatIsIgnoredStaysIgnored) {
  EXPECT_EQ(exitOf([] {
              signal(SIGHUP, SIG_IGN);
              guardOutputs();
              raise(SIGHUP);
            }),
            0);
}

TEST(Outputs, WritesThatFailDoNotEndTheProgram) {
  EXPECT_EQ(exitOf([] {
              guardOutputs();
              int ends[2];
              if (pipe(ends) != 0)
                _exit(3);
              close(ends[0]);
              Writer out(ends[1]), errors(2);
              out << "text that nobody reads";
              _exit(closeOutputs(out, errors, kExitFine));
            }),
            kExitUsage);
}

TEST(Outputs, AFileLimitIsAFailedWrite) {
  const std::string path = fresh("limited");
  EXPECT_EQ(exitOf([&] {
              guardOutputs();
              const rlimit limit = {4, 4};
              setrlimit(RLIMIT_FSIZE, &limit);
              ResultFile file;
              _exit(file.create(path.c_str()) && !os::writeAll(file.file, "12345678", 8) ? 7 : 8);
            }),
            7);
  std::filesystem::remove(path);
}

TEST(Outputs, AllWereWrittenOrItIsAnError) {
  for (bool isError : {false, true})
    for (int code : {kExitFine, kExitDamaged, kExitInterrupted}) {
      int ends[2];
      ASSERT_EQ(pipe(ends), 0);
      Writer fine(ends[1]), closed(-1);
      closed << "lost";
      EXPECT_EQ(closeOutputs(isError ? fine : closed, isError ? closed : fine, code), code ? code : kExitUsage);
      EXPECT_EQ(closeOutputs(fine, fine, code), code);
      close(ends[0]);
      close(ends[1]);
    }
}

TEST(Os, FilesNeverTakeAStandardDescriptor) {
  const std::string path = fresh("descriptor");
  int code = exitOf([&] {
    close(0), close(1), close(2);
    int made = os::createFile(path.c_str()), read = os::openForReading(path.c_str());
    _exit(made > 2 && read > 2 && !os::isTerminal(0) && !os::writeAll(1, "x", 1) ? 7 : 8);
  });
  EXPECT_EQ(code, 7);
  std::filesystem::remove(path);
}

/// What lines become on a descriptor whose other side is read.
std::string notesOn(int file, int reader) {
  {
    Writer errors(file);
    NoteLines lines(errors, file);
    const Notes notes = lines.notes();
    notes("first");
    notes("1 of 2", /*isPassing=*/true);
    notes("2 of 2", /*isPassing=*/true);
    notes("last");
  }
  char text[256];
  const ssize_t count = read(reader, text, sizeof(text));
  return std::string(text, count > 0 ? size_t(count) : 0);
}

TEST(NoteLines, WhatIsPassingIsForTerminals) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(notesOn(ends[1], ends[0]), "first\nlast\n");
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal) | unlockpt(terminal), 0);
  const int line = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  ASSERT_GE(line, 0);
  EXPECT_EQ(notesOn(line, terminal), "first\r\n1 of 2\r\x1b[K2 of 2\r\x1b[Klast\r\n");
  for (int file : {ends[0], ends[1], line, terminal})
    close(file);
}

} // namespace
