//===- InstructionsTest.cpp - Each instruction form ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes a kernel of each line of instructions.txt and compares its results with what stands there. With PTX_PRINT=FILE the
// kernels are written to a file as well, for ptxas.
//
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

namespace {

struct Case {
  std::vector<uint64_t> operands;
  uint64_t result = 0;
  bool isApproximate = false;
};

struct Form {
  int line = 0;
  std::vector<std::string> types; ///< of the result and the operands
  std::string text;
  std::vector<Case> cases;
};

Form readForm(const std::string &text, int line) {
  Form form;
  form.line = line;
  size_t first = text.find(" | "), second = text.find(" | ", first + 3);
  std::istringstream types(text.substr(0, first)), cases(text.substr(second + 3));
  for (std::string type; types >> type;)
    form.types.push_back(type);
  form.text = text.substr(first + 3, second - first - 3);
  Case one;
  bool isResult = false;
  for (std::string word; cases >> word;) {
    if (word == "=") {
      isResult = true;
    } else if (word == ";") {
      form.cases.push_back(one);
      one = Case();
      isResult = false;
    } else if (isResult) {
      one.isApproximate = word[0] == '~';
      one.result = std::stoull(word.substr(one.isApproximate), nullptr, 16);
    } else {
      one.operands.push_back(std::stoull(word, nullptr, 16));
    }
  }
  form.cases.push_back(one);
  return form;
}

std::vector<Form> allForms() {
  std::ifstream file(gpu::pathOf("instructions.txt"));
  std::vector<Form> forms;
  std::string text;
  for (int line = 1; std::getline(file, text); ++line)
    if (!text.empty() && text[0] != '#')
      forms.push_back(readForm(text, line));
  return forms;
}

const char *const header = ".version 7.0\n.target sm_80\n.address_size 64\n";

/// Lane l computes case l of `in` (four places of 8 bytes) into `out`.
std::string kernelOf(const Form &form) {
  std::ostringstream text;
  text << ".visible .entry line_" << form.line << "(.param .u64 in, .param .u64 out) {\n"
       << "  .reg .b32 %t, %u, %lane; .reg .b64 %w, %x, %from, %to; .reg .b16 %h, %k; .reg .pred %p, %q, %r;\n";
  for (size_t i = 0; i < form.types.size(); ++i)
    text << "  .reg ." << form.types[i] << " %" << "dabc"[i] << ";\n";
  text << "  ld.param.u64 %from, [in]; ld.param.u64 %to, [out]; mov.u32 %lane, %tid.x;\n"
       << "  mad.wide.u32 %from, %lane, 32, %from; mad.wide.u32 %to, %lane, 8, %to;\n";
  for (size_t i = 1; i < form.types.size(); ++i)
    text << "  ld.global." << form.types[i] << " %" << "dabc"[i] << ", [%from+" << 8 * (i - 1) << "];\n";
  text << "  " << form.text << "\n  st.global." << form.types[0] << " [%to], %d;\n  ret;\n}\n";
  return text.str();
}

bool isNear(uint64_t got, uint64_t wanted) {
  float a, b;
  memcpy(&a, &got, 4), memcpy(&b, &wanted, 4);
  return std::fabs(a - b) <= std::ldexp(std::fabs(b), -20);
}

void check(gpu::Gpu &gpu, const Form &form) {
  SCOPED_TRACE("line " + std::to_string(form.line) + ": " + form.text);
  CUmodule module = gpu.load(header + kernelOf(form));
  ASSERT_TRUE(module) << gpu.log;
  std::vector<uint64_t> in(32 * 4), out(32);
  for (size_t lane = 0; lane < 32; ++lane) {
    const std::vector<uint64_t> &operands = form.cases[lane % form.cases.size()].operands;
    ASSERT_EQ(operands.size() + 1, form.types.size());
    std::copy(operands.begin(), operands.end(), in.begin() + 4 * lane);
  }
  CUdeviceptr from = gpu.upload(in), to = gpu.upload(out);
  ASSERT_EQ(gpu.run(module, ("line_" + std::to_string(form.line)).c_str(), {}, {from, to}), CUDA_SUCCESS)
      << gpu.fault();
  out = gpu.download<uint64_t>(to, 32);
  for (size_t lane = 0; lane < 32; ++lane) {
    const Case &wanted = form.cases[lane % form.cases.size()];
    if (wanted.isApproximate)
      EXPECT_TRUE(isNear(out[lane], wanted.result)) << std::hex << out[lane] << " instead of about " << wanted.result;
    else
      EXPECT_EQ(out[lane], wanted.result) << std::hex << out[lane] << " instead of " << wanted.result;
  }
}

TEST(Instructions, give_what_the_table_says) {
  gpu::Gpu gpu;
  ASSERT_EQ(gpu.error, CUDA_SUCCESS);
  std::vector<Form> forms = allForms();
  ASSERT_GT(forms.size(), 200u);
  for (const Form &form : forms)
    check(gpu, form);
}

TEST(Instructions, can_be_printed) {
  const char *path = getenv("PTX_PRINT");
  if (!path)
    GTEST_SKIP() << "PTX_PRINT names no file";
  std::ofstream file(path);
  file << header;
  for (const Form &form : allForms())
    file << kernelOf(form);
  ASSERT_TRUE(file.good());
}

} // namespace
