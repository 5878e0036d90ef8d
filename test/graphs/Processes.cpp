//===- Processes.cpp - Functions in processes of their own ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/graphs/Processes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <map>
#include <sys/wait.h>
#include <unistd.h>

namespace phic::test {
namespace {

constexpr unsigned kMostSeconds = 120;

struct Child {
  size_t index;
  int pipe; ///< what it reports
};

Child start(size_t index, llvm::function_ref<void(size_t, const Report &)> work, pid_t &id) {
  int ends[2];
  if (pipe(ends) != 0)
    llvm::report_fatal_error("no more pipes");
  llvm::outs().flush();
  id = fork();
  if (id == 0) {
    close(ends[0]);
    alarm(kMostSeconds);
    llvm::raw_fd_ostream os(ends[1], /*shouldClose=*/true, /*unbuffered=*/true);
    work(index, [&](const std::string &line) { os << line + "\n"; });
    _exit(0);
  }
  close(ends[1]);
  return {index, ends[0]};
}

/// Until the other end is closed. Reports are short: nobody waits for this process to read.
std::vector<std::string> linesOf(int pipe) {
  std::string text;
  char buffer[4096];
  for (ssize_t bytes; (bytes = read(pipe, buffer, sizeof(buffer))) > 0;)
    text.append(buffer, size_t(bytes));
  close(pipe);
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(text).split(lines, '\n', -1, /*KeepEmpty=*/false);
  return {lines.begin(), lines.end()};
}

std::string deathOf(int status) {
  if (WIFSIGNALED(status))
    return WTERMSIG(status) == SIGALRM ? "takes too long" : std::string("ended by: ") + strsignal(WTERMSIG(status));
  return WEXITSTATUS(status) ? "ended with code " + std::to_string(WEXITSTATUS(status)) : "";
}

} // namespace

void runInProcesses(size_t count, int jobs, llvm::function_ref<void(size_t, const Report &)> work,
                    llvm::function_ref<void(size_t, llvm::ArrayRef<std::string>, const std::string &)> done) {
  std::map<pid_t, Child> running;
  for (size_t next = 0; next < count || !running.empty();) {
    if (next < count && running.size() < size_t(jobs)) {
      pid_t id;
      Child child = start(next++, work, id);
      running.emplace(id, child);
      continue;
    }
    int status = 0;
    auto child = running.find(wait(&status));
    if (child == running.end())
      continue;
    const auto [index, pipe] = child->second;
    running.erase(child);
    done(index, linesOf(pipe), deathOf(status));
  }
}

} // namespace phic::test
