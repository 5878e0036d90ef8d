//===- ModelTest.cpp - Weights in a file of their own ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Model.h"
#include "FakeModel.h"
#include "runtime/Os.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <fstream>
#include <string>
#include <unistd.h>

using namespace phi;
using testing::HasSubstr;

namespace {

constexpr uint64_t kBytes = 100, kHash = 0x1234;

/// What the compiler writes: a page with the header, the weights, their trailer.
std::string sidecar() {
  phi_weights_header header = {PHI_WEIGHTS_MAGIC, PHI_FORMAT_VERSION, PHI_WEIGHTS_OFFSET, kBytes, kHash, {}};
  phi_weights_trailer trailer = {kBytes, kHash, {}, PHI_WEIGHTS_MAGIC};
  std::string bytes(PHI_WEIGHTS_OFFSET + 128, '\0');
  memcpy(bytes.data(), &header, sizeof(header));
  memset(bytes.data() + PHI_WEIGHTS_OFFSET, 7, kBytes);
  return bytes.append(reinterpret_cast<const char *>(&trailer), sizeof(trailer));
}

class ModelTest : public testing::Test {
protected:
  ModelTest() {
    constants.weights = nullptr;
    constants.weights_bytes = kBytes;
    constants.weights_hash = kHash;
    constants.sidecar = "fake.weights";
    EXPECT_NE(mkdtemp(folder), nullptr);
    path = std::string(folder) + "/fake.weights";
  }
  ~ModelTest() override {
    closeModel(&open);
    unlink(path.c_str());
    rmdir(folder);
  }
  void write(const std::string &bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  phi_status openFrom(WeightsSource source) {
    Writer errors(text, sizeof(text));
    phi_status status = openModel(&open, constants, source, errors, choice);
    return status == PHI_OK ? loadModel(&open, {}, {}, errors) : status;
  }
  /// The sentence of a choice that is refused.
  std::string refused(CodeChoice code, phi_status status = PHI_BAD_ARGUMENT) {
    choice = code;
    EXPECT_EQ(openFrom({path.c_str(), nullptr, 0}), status);
    return text;
  }

  phi_model constants = fake::model();
  OpenModel open = {};
  CodeChoice choice = {};
  char folder[32] = "/tmp/phi-model-XXXXXX", text[512];
  std::string path;
};

TEST_F(ModelTest, OpensAPath) {
  write(sidecar());
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  EXPECT_EQ(open.model.weights[kBytes - 1], 7);
  EXPECT_EQ(open.path, path);
}

TEST_F(ModelTest, TakesMemory) {
  alignas(64) static char bytes[PHI_WEIGHTS_OFFSET + 256];
  memcpy(bytes, sidecar().data(), sidecar().size());
  auto *memory = reinterpret_cast<const uint8_t *>(bytes);
  ASSERT_EQ(openFrom({nullptr, memory, sidecar().size()}), PHI_OK) << text;
  EXPECT_EQ(open.model.weights, memory + PHI_WEIGHTS_OFFSET);
  EXPECT_EQ(open.mapping, nullptr);
  EXPECT_EQ(openFrom({nullptr, memory + 8, sidecar().size()}), PHI_BAD_ARGUMENT);
  EXPECT_THAT(text, HasSubstr("64-byte aligned"));
  EXPECT_EQ(openFrom({nullptr, memory, sidecar().size() - 1}), PHI_NO_WEIGHTS);
  EXPECT_THAT(text, HasSubstr("the memory given as weights is damaged"));
  EXPECT_EQ(openFrom({"both", memory, 1}), PHI_BAD_ARGUMENT);
}

// This program's own folder, whatever the working directory is.
TEST_F(ModelTest, LooksBesideTheCode) {
  // Not all 0: memory of zeros is of no file.
  static phi_model here = [] {
    phi_model model = {};
    model.size = 1;
    return model;
  }();
  here = constants;
  Writer errors(text, sizeof(text));
  ASSERT_EQ(openModel(&open, here, {}, errors), PHI_NO_WEIGHTS);
  char self[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
  std::string beside = std::string(self, strrchr(self, '/') + 1) + "fake.weights";
  EXPECT_EQ(text, "cannot open the weights, " + beside + ": No such file or directory");
}

TEST_F(ModelTest, RefusesAnythingElse) {
  auto refused = [&](const std::string &bytes) {
    write(bytes);
    EXPECT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_NO_WEIGHTS);
    EXPECT_EQ(open.mapping, nullptr);
    return std::string(text);
  };
  std::string whole = sidecar(), changed = whole;
  EXPECT_THAT(refused(""), HasSubstr("cannot open the weights"));
  EXPECT_THAT(refused("short"), HasSubstr("holds no weights"));
  EXPECT_THAT(refused(std::string(8192, 'x')), HasSubstr("holds no weights"));
  EXPECT_THAT(refused(whole.substr(0, whole.size() - 1)), HasSubstr("is damaged: it has 4287 bytes, of 4288"));
  EXPECT_THAT(refused(whole + "x"), HasSubstr("is damaged: it has 4289 bytes, of 4288"));
  changed.back() ^= 1;
  EXPECT_THAT(refused(changed), HasSubstr("another end"));
  changed = whole;
  changed[offsetof(phi_weights_header, hash)] ^= 1;
  EXPECT_THAT(refused(changed), HasSubstr("holds other weights than those this model was compiled with"));
  changed = whole;
  changed[offsetof(phi_weights_header, version)] ^= 1;
  EXPECT_THAT(refused(changed), HasSubstr("no weights of this format version"));
}

TEST_F(ModelTest, TheFirstVariantThatRunsIsTaken) {
  write(sidecar());
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  EXPECT_EQ(open.code.variant, &fake::kVariants[1]);
  EXPECT_EQ(open.code.weights, open.model.weights);
  closeModel(&open);
  constants.variant_count = 1;
  EXPECT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_NO_PROCESSOR);
  EXPECT_STREQ(text, "this model needs a processor with impossible; this one lacks an unknown feature");
}

/// Code for another device before the processor's.
class DevicesTest : public ModelTest {
protected:
  DevicesTest() {
    other.name = "other";
    other.machine = "coprocessor";
    other.lacks = [](const phi_variant &variant, int32_t index, Writer &what) {
      const bool lacks = variant.features >> index & 1;
      what << (lacks ? "a plug" : "");
      return lacks;
    };
    plan.device = &other;
    plan.weights_offset = 64;
    variants[0].name = "other1";
    variants[0].plan = &plan;
    constants.variants = variants;
    constants.variant_count = 3;
    write(sidecar());
  }
  std::string listed() {
    char lines[256];
    Writer out(lines, sizeof(lines));
    listDevices(constants, out);
    return lines;
  }
  /// Two of them, or none.
  void beSeveral(int32_t (*count)()) {
    other.count = count;
    other.describe = [](int32_t index, Writer &out) { out << (index ? "the new one" : "the old one"); };
  }
  std::string told;

  phi_device other = phi_device_cpu;
  phi_plan plan = fake::kPlan;
  phi_variant variants[3] = {fake::kVariants[1], fake::kVariants[0], fake::kVariants[1]};
};

TEST_F(DevicesTest, TheBestRunsUnlessOneIsNamed) {
  EXPECT_EQ(listed(), "other  other1\ncpu  fake\n");
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  EXPECT_EQ(open.code.variant, &variants[0]);
  EXPECT_EQ(open.code.weights, open.model.weights + 64);
  closeModel(&open);
  choice.device = "cpu";
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  EXPECT_EQ(open.code.variant, &variants[2]);
  EXPECT_EQ(open.code.weights, open.model.weights);
}

TEST_F(DevicesTest, AMissingOneIsPassedOverOrRefused) {
  variants[0].features = 1;
  EXPECT_EQ(listed(), "other  other1: this coprocessor lacks a plug\ncpu  fake\n");
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  EXPECT_EQ(open.code.variant, &variants[2]);
  closeModel(&open);
  EXPECT_EQ(refused({"other"}, PHI_NO_PROCESSOR), "this model needs a coprocessor with other1; this one lacks a plug");
  EXPECT_EQ(refused({"none"}), "--device none: this model has no code for that; it has code for other, cpu");
  EXPECT_EQ(refused({"none", "fake"}), "--device none: this model has no code for that; it has code for other, cpu");
  EXPECT_EQ(refused({"cpu", "other1"}), "--cpu-variant other1: this model has no such code; it has impossible, fake");
  EXPECT_EQ(refused({nullptr, "best"}),
            "--cpu-variant best: this model has no such code; it has other1, impossible, fake");
}

TEST_F(DevicesTest, OneOfSeveralIsChosen) {
  beSeveral([] { return 2; });
  variants[0].features = 1; // without a plug for the first
  EXPECT_EQ(listed(),
            "other:0  other1, the old one: this coprocessor lacks a plug\nother:1  other1, the new one\ncpu  fake\n");
  for (const char *device : {static_cast<const char *>(nullptr), "other", "other:1"}) {
    choice.device = device;
    ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
    EXPECT_EQ(open.code.variant, &variants[0]);
    EXPECT_EQ(open.code.index, 1);
    closeModel(&open);
  }
  EXPECT_EQ(refused({"other:0"}, PHI_NO_PROCESSOR),
            "this model needs a coprocessor with other1; this one lacks a plug");
  EXPECT_EQ(refused({"other:2"}), "--device other:2: this machine has 2 of them, other:0 to other:1");
  EXPECT_EQ(refused({"cpu:1"}), "--device cpu:1: this machine has 1 of them, cpu:0 alone");
  EXPECT_EQ(refused({"other:x"}), "--device other:x: what follows the colon is a number, as in other:0");
  EXPECT_EQ(refused({"other:-1"}), "--device other:-1: what follows the colon is a number, as in other:0");
  EXPECT_EQ(refused({"other:0,other:1"}), "--device other:0,other:1: one device runs a model, and all of it");
  EXPECT_EQ(refused({"none:0"}), "--device none:0: this model has no code for that; it has code for other, cpu");
}

TEST_F(DevicesTest, WhyTheBestIsPassedOverIsTold) {
  beSeveral([] { return 0; });
  variants[0].features = 1;
  choice.notes = {[](void *told, const char *line, bool) { *static_cast<std::string *>(told) += line; }, &told};
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  EXPECT_EQ(open.code.variant, &variants[2]);
  EXPECT_EQ(told, "on cpu, not on other: this coprocessor lacks a plug");
  EXPECT_EQ(listed(), "other  other1: this coprocessor lacks a plug\ncpu  fake\n");
  closeModel(&open);
  told.clear();
  choice.device = "cpu";
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  choice = {nullptr, "fake", "--device", choice.notes};
  closeModel(&open);
  ASSERT_EQ(openFrom({path.c_str(), nullptr, 0}), PHI_OK) << text;
  EXPECT_EQ(told, "");
}

TEST(Os, TellsWhichFileCodeCameFrom) {
  char file[4096], self[4096] = {};
  ASSERT_GT(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
  static const int here = 0;
  ASSERT_TRUE(os::fileOf(&here, file, sizeof(file)));
  EXPECT_STREQ(file, self);
  ASSERT_TRUE(os::fileOf(reinterpret_cast<const void *>(&getpid), file, sizeof(file)));
  EXPECT_THAT(file, HasSubstr("libc"));
  int onStack = 0;
  EXPECT_FALSE(os::fileOf(&onStack, file, sizeof(file)));
  EXPECT_FALSE(os::fileOf(&here, file, 5));
}

} // namespace
