//===- StageReader.cpp - Runs a program, reads its stages ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/StageReader.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace phic {
namespace {

/// No buffer of a stage is larger.
constexpr uint64_t kMostBytes = uint64_t(1) << 34;
/// What is allocated before any of it has come: a damaged program may announce anything.
constexpr uint64_t kFirstBytes = uint64_t(1) << 20;

} // namespace

Expected<std::unique_ptr<StageReader>> StageReader::run(const std::string &program,
                                                        const std::vector<std::string> &arguments,
                                                        const ProgramPlan &plan, size_t inputCount,
                                                        const Emulator *emulator) {
  std::unique_ptr<StageReader> stream(new StageReader(program, plan, inputCount));
  if (Error failure = stream->pipe.start(arguments, emulator))
    return std::move(failure);
  if (Error failure = stream->pipe.readHeader(PHI_STREAM_MAGIC, plan, stream->header))
    return std::move(failure);
  return stream;
}

/// A count, and as many bytes, padded to 8.
Expected<std::vector<uint8_t>> StageReader::readBytes() {
  uint64_t count = 0;
  if (Error failure = pipe.read(&count, sizeof(count)))
    return std::move(failure);
  if (count > kMostBytes)
    return pipe.damaged("a buffer that is too large");
  const uint64_t padded = llvm::alignTo(count, 8);
  std::vector<uint8_t> bytes;
  for (uint64_t got = 0; got < padded; got = bytes.size()) {
    bytes.resize(std::min(padded, std::max(kFirstBytes, 2 * got)));
    if (Error failure = pipe.read(bytes.data() + got, bytes.size() - got))
      return std::move(failure);
  }
  bytes.resize(size_t(count));
  return bytes;
}

Expected<std::optional<StageReader::Step>> StageReader::nextStep() {
  Step step;
  if (Error failure = pipe.readStep(plan, header, step.facts))
    return std::move(failure);
  if (step.facts.rows == 0)
    return std::nullopt;
  for (size_t i = 0; i < inputCount; ++i) {
    Expected<std::vector<uint8_t>> bytes = readBytes();
    if (!bytes)
      return bytes.takeError();
    step.inputs.push_back(std::move(*bytes));
  }
  return step;
}

Expected<StageReader::Stage> StageReader::nextStage() {
  phi_stream_stage facts;
  if (Error failure = pipe.read(&facts, sizeof(facts)))
    return std::move(failure);
  if (facts.stage >= plan.stageCount)
    return pipe.damaged("a stage that the program does not have");
  Stage stage;
  stage.index = facts.stage;
  for (uint32_t i = 0; i < facts.output_count; ++i) {
    Expected<std::vector<uint8_t>> bytes = readBytes();
    if (!bytes)
      return bytes.takeError();
    stage.outputs.push_back(std::move(*bytes));
  }
  return stage;
}

} // namespace phic
