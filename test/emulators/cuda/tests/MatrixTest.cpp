//===- MatrixTest.cpp - Each shape of mma.sync ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lays matrices of small whole numbers out as the PTX ISA's figures have them, shape by shape, and compares D with a product
// that knows of no lanes. Sums are exact, so their order does not matter.
//
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <bit>
#include <gtest/gtest.h>

namespace {

struct Shape {
  const char *name, *types; ///< of the instruction: m16n8k16, f32.f16.f16.f32
  int m, k, perWord;
  bool isHalfResult = false;
};

struct Place {
  int row, column;
};

/// Where element `i` of a lane's part of A is: the figures of each shape.
Place placeOfA(const Shape &shape, int lane, int i) {
  int group = lane / 4, thread = lane % 4;
  std::string name = shape.name;
  if (name == "m8n8k16")
    return {group, thread * 4 + i};
  if (name == "m16n8k32")
    return {i % 8 < 4 ? group : group + 8, thread * 4 + i % 4 + (i < 8 ? 0 : 16)};
  if (name == "m16n8k16" && shape.perWord == 4)
    return {i < 4 ? group : group + 8, thread * 4 + i % 4};
  if (name == "m16n8k16")
    return {i % 4 < 2 ? group : group + 8, thread * 2 + i % 2 + (i < 4 ? 0 : 8)};
  return {i < 2 ? group : group + 8, thread * 2 + i % 2}; // m16n8k8
}

Place placeOfB(const Shape &shape, int lane, int i) {
  int run = i / shape.perWord; // registers go on in K
  return {lane % 4 * shape.perWord + i % shape.perWord + run * 4 * shape.perWord, lane / 4};
}

Place placeOfC(int lane, int i) { return {lane / 4 + (i < 2 ? 0 : 8), lane % 4 * 2 + i % 2}; }

uint32_t bitsOf(int n, const std::string &type) {
  if (type == "s8" || type == "u8")
    return uint8_t(n);
  uint32_t single = std::bit_cast<uint32_t>(float(n));
  if (type == "bf16")
    return single >> 16;
  unsigned magnitude = std::abs(n), exponent = magnitude ? std::bit_width(magnitude) - 1 : 0;
  return (magnitude ? (exponent + 15) << 10 | ((magnitude << (10 - exponent)) & 0x3FF) : 0) | (n < 0 ? 0x8000 : 0);
}

std::string registers(const char *prefix, int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i)
    text += std::string(i ? ", %" : "%") + prefix + std::to_string(i);
  return text + "}";
}

std::string textOf(const Shape &shape, int wordsOfA, int wordsOfB, int wordsOfC) {
  std::ostringstream text;
  text << ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 in, .param .u64 out) {\n"
       << ".reg .b32 %a<4>, %b<2>, %c<4>, %d<4>, %t; .reg .b64 %from, %to;\n"
       << "ld.param.u64 %from, [in]; ld.param.u64 %to, [out]; mov.u32 %t, %tid.x;\n"
       << "mad.wide.u32 %from, %t, 64, %from; mad.wide.u32 %to, %t, 16, %to;\n";
  auto loads = [&](const char *prefix, int count, int at) {
    for (int i = 0; i < count; ++i)
      text << "ld.global.b32 %" << prefix << i << ", [%from+" << at + 4 * i << "];\n";
  };
  loads("a", wordsOfA, 0), loads("b", wordsOfB, 16), loads("c", wordsOfC, 32);
  text << "mma.sync.aligned." << shape.name << ".row.col." << shape.types << " " << registers("d", wordsOfC) << ", "
       << registers("a", wordsOfA) << ", " << registers("b", wordsOfB) << ", " << registers("c", wordsOfC) << ";\n";
  for (int i = 0; i < wordsOfC; ++i)
    text << "st.global.b32 [%to+" << 4 * i << "], %d" << i << ";\n";
  text << "ret;\n}\n";
  return text.str();
}

struct Problem {
  int a[16][32], b[32][8], c[16][8];
  explicit Problem(bool isUnsigned) {
    int n = 0;
    for (auto &row : a)
      for (int &x : row)
        x = n++ * 7 % 13 - (isUnsigned ? 0 : 6);
    for (auto &row : b)
      for (int &x : row)
        x = n++ * 5 % 11 - 5;
    for (auto &row : c)
      for (int &x : row)
        x = n++ % 17 - 8;
  }
};

void check(const Shape &shape) {
  SCOPED_TRACE(std::string(shape.name) + "." + shape.types);
  std::string typeOfA = shape.types, typeOfB;
  typeOfA = typeOfA.substr(4, typeOfA.find('.', 4) - 4);
  typeOfB = std::string(shape.types).substr(5 + typeOfA.size());
  typeOfB = typeOfB.substr(0, typeOfB.find('.'));
  Problem problem(typeOfA == "u8");
  int elementsOfA = shape.m * shape.k / 32, elementsOfB = 8 * shape.k / 32, elementsOfC = shape.m * 8 / 32;
  int wordsOfC = shape.isHalfResult ? elementsOfC / 2 : elementsOfC, bits = 32 / shape.perWord;
  bool isFloat = shape.perWord == 2;
  std::vector<uint32_t> in(32 * 16);
  for (int lane = 0; lane < 32; ++lane) {
    uint32_t *words = &in[lane * 16];
    for (int i = 0; i < elementsOfA; ++i) {
      Place place = placeOfA(shape, lane, i);
      words[i / shape.perWord] |= bitsOf(problem.a[place.row][place.column], typeOfA) << (bits * (i % shape.perWord));
    }
    for (int i = 0; i < elementsOfB; ++i) {
      Place place = placeOfB(shape, lane, i);
      words[4 + i / shape.perWord] |= bitsOf(problem.b[place.row][place.column], typeOfB)
                                      << (bits * (i % shape.perWord));
    }
    for (int i = 0; i < elementsOfC; ++i) {
      int c = problem.c[placeOfC(lane, i).row][placeOfC(lane, i).column];
      if (shape.isHalfResult)
        words[8 + i / 2] |= bitsOf(c, "f16") << (16 * (i % 2));
      else
        words[8 + i] = isFloat ? std::bit_cast<uint32_t>(float(c)) : uint32_t(c);
    }
  }
  gpu::Gpu gpu;
  CUmodule module = gpu.load(textOf(shape, elementsOfA / shape.perWord, elementsOfB / shape.perWord, wordsOfC));
  ASSERT_TRUE(module) << gpu.log;
  CUdeviceptr out = gpu.allocate(32 * 16);
  ASSERT_EQ(gpu.run(module, "k", {}, {gpu.upload(in), out}), CUDA_SUCCESS) << gpu.fault();
  std::vector<uint32_t> got = gpu.download<uint32_t>(out, 32 * 4);
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < elementsOfC; ++i) {
      Place place = placeOfC(lane, i);
      int sum = problem.c[place.row][place.column];
      for (int k = 0; k < shape.k; ++k)
        sum += problem.a[place.row][k] * problem.b[k][place.column];
      if (shape.isHalfResult)
        EXPECT_EQ(got[lane * 4 + i / 2] >> (16 * (i % 2)) & 0xFFFF, bitsOf(sum, "f16"));
      else
        EXPECT_EQ(got[lane * 4 + i], isFloat ? std::bit_cast<uint32_t>(float(sum)) : uint32_t(sum));
    }
}

TEST(Matrix, each_shape_multiplies) {
  for (const Shape &shape :
       {Shape{"m16n8k16", "f32.f16.f16.f32", 16, 16, 2}, Shape{"m16n8k8", "f32.f16.f16.f32", 16, 8, 2},
        Shape{"m16n8k16", "f16.f16.f16.f16", 16, 16, 2, true}, Shape{"m16n8k8", "f16.f16.f16.f16", 16, 8, 2, true},
        Shape{"m16n8k16", "f32.bf16.bf16.f32", 16, 16, 2}, Shape{"m16n8k8", "f32.bf16.bf16.f32", 16, 8, 2},
        Shape{"m16n8k32", "s32.s8.s8.s32", 16, 32, 4}, Shape{"m16n8k32", "s32.u8.s8.s32", 16, 32, 4},
        Shape{"m16n8k16", "s32.s8.s8.s32", 16, 16, 4}, Shape{"m8n8k16", "s32.s8.s8.s32", 8, 16, 4}})
    check(shape);
}

} // namespace
