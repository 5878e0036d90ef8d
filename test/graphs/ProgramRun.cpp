//===- ProgramRun.cpp - A graph's program, wherever it runs --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/graphs/ProgramRun.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/Npy.h"
#include "compiler/link/Linker.h"
#include "compiler/request/BuildRequest.h"
#include "compiler/verify/Emulator.h"
#include "targets/Backend.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace phic::test {
namespace {

constexpr char kAvx512Emulator[] = PHIC_TEST_DIR "/emulators/avx512/run-avx512";

Error writeArray(const std::string &path, const Array &array) {
  std::error_code code;
  raw_fd_ostream os(path, code);
  os << npyHeader(array.descr, array.shape) << StringRef(array.bytes.data(), array.bytes.size());
  return errorCodeToError(code);
}

Expected<bool> runsHere(const Options &options) {
  Expected<BuildRequest> request = resolveCheck(options);
  if (!request)
    return request.takeError();
  return hostBackend().runsHere(*request->targets.front().levels.front());
}

/// What comes before the words of the program's own command line. Bochs plays a whole machine: files are carried to it and
/// back by their last names. QEMU plays the processor that the level is of.
Expected<std::vector<std::string>> commandOf(const Options &options, ArrayRef<std::string> inputs,
                                             ArrayRef<std::string> results) {
  Expected<bool> isNative = runsHere(options);
  if (!isNative)
    return isNative.takeError();
  if (*isNative || options.target != "x86_64-linux")
    return commandFor(options.output);
  std::vector<std::string> words = {kAvx512Emulator};
  for (const std::string &path : inputs)
    words.insert(words.end(), {"--file", path});
  for (const std::string &path : results)
    words.insert(words.end(), {"--get", sys::path::filename(path).str() + ":" + path});
  words.push_back(options.output);
  return words;
}

/// The processor of QEMU that has the level, and no better one.
StringRef qemuProcessor(StringRef level) {
  return level == "neon" ? "cortex-a53" : level == "neon+dotprod" ? "cortex-a76" : "max";
}

Error execute(std::vector<std::string> words, const std::string &folder, const std::string &processor) {
  const std::string log = folder + "/log", environment = "QEMU_CPU=" + processor;
  const std::vector<StringRef> arguments(words.begin(), words.end());
  const std::string path = "PATH=" + std::string(getenv("PATH")), home = "HOME=" + folder;
  const StringRef variables[] = {path, home, environment};
  if (sys::ExecuteAndWait(words.front(), arguments, ArrayRef(variables),
                          {std::nullopt, StringRef(log), StringRef(log)}) == 0)
    return Error::success();
  auto text = readInput(log);
  return createStringError("the program: " + (text ? (*text)->getBuffer().trim().split('\n').first : "no words"));
}

} // namespace

std::string whatIsMissing(const Options &options) {
  Expected<bool> isNative = runsHere(options);
  if (!isNative)
    return toString(isNative.takeError());
  if (*isNative)
    return "";
  if (options.target == "x86_64-linux")
    return sys::ExecuteAndWait(kAvx512Emulator, {kAvx512Emulator, "--check"}) ? "an emulator with AVX-512" : "";
  if (!sys::fs::exists(runtimeDirectory(options.target) + "/libphi_rt.a"))
    return "a phic with the runtime for " + options.target;
  return sys::findProgramByName("qemu-aarch64") || sys::findProgramByName("qemu-aarch64-static") ? "" : "qemu-aarch64";
}

Error runProgram(const Options &options, ArrayRef<NamedArray> inputs, std::vector<NamedArray> &results) {
  const std::string folder = sys::path::parent_path(options.output).str();
  std::vector<std::string> given, taken, words;
  for (const auto &[name, array] : inputs) {
    given.push_back(folder + "/in" + std::to_string(given.size()) + ".npy");
    words.insert(words.end(), {"--in", name + "=" + given.back()});
    if (Error failure = writeArray(given.back(), array))
      return failure;
  }
  for (const auto &[name, array] : results) {
    taken.push_back(folder + "/out" + std::to_string(taken.size()) + ".npy");
    words.insert(words.end(), {"--out", name + "=" + taken.back()});
  }
  Expected<std::vector<std::string>> command = commandOf(options, given, taken);
  if (!command)
    return command.takeError();
  if (command->size() > 2) // there, files are beside the program
    for (std::string &word : words)
      if (size_t at = word.find("=" + folder + "/"); at != std::string::npos)
        word.erase(at + 1, folder.size() + 1);
  command->insert(command->end(), words.begin(), words.end());
  if (Error failure = execute(std::move(*command), folder, qemuProcessor(options.cpu).str()))
    return failure;
  for (auto [path, result] : zip_equal(taken, results)) {
    Expected<Array> array = readArray(path);
    if (!array)
      return array.takeError();
    result.second = std::move(*array);
  }
  return Error::success();
}

} // namespace phic::test
