//===- runtime_fuzz.cpp - Any bytes given to a program ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program's arguments, each ended by a zero; what stands after the last zero is what --tokens-file names. Ids that are
// read are within the vocabulary. Or, where the first byte says so, a file of weights: what is accepted is all there.
//===----------------------------------------------------------------------===//
#include "FuzzFile.h"
#include "FuzzPrompt.h"
#include "runtime/Model.h"
#include "test/runtime/FakeModel.h"
#include <string>

using namespace phi;

const phi_model phi_the_model = fake::model(); // libraries refer to it

namespace {

void openSidecar(const uint8_t *data, size_t size) {
  phi_model model = fake::model();
  model.weights = nullptr;
  model.sidecar = "fake.phiw";
  model.weights_bytes = 96;
  const phic::fuzz::FuzzFile file(data, size);
  const std::string path = file.path();
  char said[256];
  Writer errors(said, sizeof(said));
  OpenModel open;
  if (openModel(&open, model, {path.c_str(), nullptr, 0}, errors, {nullptr, "fake"}) == PHI_OK) {
    unsigned sum = 0;
    for (uint64_t i = 0; i < model.weights_bytes; ++i)
      sum += open.model.weights[i];
    if (sum == 1u << 31)
      abort(); // never: so that the bytes are read
  }
  closeModel(&open);
}

void readArguments(const uint8_t *data, size_t size) {
  std::vector<std::string> words = {"prog"};
  size_t from = 0;
  for (size_t i = 0; i < size; ++i)
    if (data[i] == 0) {
      words.emplace_back(data + from, data + i);
      from = i + 1;
    }
  std::vector<const char *> arguments;
  for (const std::string &word : words)
    arguments.push_back(word.c_str());
  char said[256];
  Writer errors(said, sizeof(said));
  const phi_model model = fake::model();
  ProgramOptions options;
  if (!parseCommandLine(model, int(arguments.size()), arguments.data(), &options, errors) || !options.hasTokens() ||
      options.interactive) // reads no file, and keeps its lines until the process ends
    return;
  const phic::fuzz::FuzzFile file(data + from, size - from);
  const std::string path = file.path();
  options.tokensFile = options.tokensFile ? path.c_str() : nullptr;
  phic::fuzz::encodePrompt({}, model, options, errors);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 0)
    (data[0] == 'w' ? openSidecar : readArguments)(data + 1, size - 1);
  return 0;
}
