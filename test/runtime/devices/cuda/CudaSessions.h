//===- CudaSessions.h - Running sessions on the stand-in -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Settings of the stand-in for as long as a test needs them, a model that is loaded, and sessions of it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_RUNTIME_DEVICES_CUDA_CUDASESSIONS_H
#define PHIC_TEST_RUNTIME_DEVICES_CUDA_CUDASESSIONS_H

#include "FakeGpuModel.h"
#include "runtime/Model.h"
#include "runtime/Os.h"
#include "runtime/Session.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <map>

namespace phi::fake {

/// PHIC_CUDA_ and each name in the environment. A context begins with what is set when the first model is loaded.
class Settings {
public:
  Settings(std::map<std::string, std::string> values) : values(std::move(values)) {
    for (auto &[name, value] : this->values)
      setenv(("PHIC_CUDA_" + name).c_str(), value.c_str(), 1);
  }
  ~Settings() {
    for (auto &[name, value] : values)
      unsetenv(("PHIC_CUDA_" + name).c_str());
  }
  Settings(const Settings &) = delete;

private:
  std::map<std::string, std::string> values;
};

/// A model that was opened and loaded, if `said` is empty.
struct Loaded {
  explicit Loaded(const GpuModel &model, CodeChoice choice = {"cuda"}, SessionNeed need = {}) {
    const Notes notes = {[](void *notes, const char *line, bool isPassing) {
                           *static_cast<std::string *>(notes) += std::string(isPassing ? "~" : "") + line + "\n";
                         },
                         &told};
    choice.notes = notes;
    char text[1024] = "";
    Writer errors(text, sizeof(text));
    status = openModel(&open, model.model, {}, errors, choice);
    if (status == PHI_OK)
      status = loadModel(&open, need, notes, errors);
    said = text;
  }
  ~Loaded() { closeModel(&open); }
  Loaded(const Loaded &) = delete;

  OpenModel open = {};
  phi_status status;
  std::string said, told; ///< what failed; notes, a line each
};

struct Running {
  Running(const LoadedCode &code, int64_t context, StageHook hook = {}) {
    Layout layout;
    const SessionOptions options = {context, 1, PHI_VERIFY_ROWS, hook};
    layoutSession(&session, &layout, code, options);
    bytes = layout.size;
    layout = {};
    layout.base = memory = os::reserve(bytes);
    layoutSession(&session, &layout, code, options);
    status = startSession(&session);
  }
  ~Running() {
    if (status == PHI_OK)
      stopSession(&session);
    os::release(memory, bytes);
  }
  int32_t best(int64_t row = 0) const {
    const float *logits = session.logits + row * kVocab;
    return int32_t(std::max_element(logits, logits + kVocab) - logits);
  }
  Advance add(std::vector<int32_t> ids) { return append(&session, ids.data(), int64_t(ids.size()), nullptr); }
  std::vector<int32_t> generate(std::vector<int32_t> ids, int count) {
    std::vector<int32_t> next;
    EXPECT_EQ(add(ids), Advance::Done) << why();
    for (next.push_back(best()); int(next.size()) < count; next.push_back(best()))
      EXPECT_EQ(add({next.back()}), Advance::Done) << why();
    return next;
  }
  std::string why() const {
    char text[512] = "";
    Writer errors(text, sizeof(text));
    explainFailure(session, errors);
    return text;
  }

  Session session = {};
  phi_status status;
  uint8_t *memory;
  uint64_t bytes;
};

} // namespace phi::fake

#endif // PHIC_TEST_RUNTIME_DEVICES_CUDA_CUDASESSIONS_H
