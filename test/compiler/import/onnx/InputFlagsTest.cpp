//===- InputFlagsTest.cpp - Flags of inputs, and what is wrong -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/InputFlags.h"
#include "compiler/files/Npy.h"
#include "compiler/import/onnx/Reader.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace phic;
using namespace phic::onnx;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

ValueInfo info(const char *name, ElementType type, std::vector<int64_t> dims, std::vector<std::string> symbols = {}) {
  symbols.resize(dims.size());
  return {name, type, true, std::move(dims), std::move(symbols)};
}

/// x: float[batch, 3, h, -1], mask: float[batch, n], sr: int64, on: bool[2], ids: uint8[n], any: float of no shape -> y
Graph graph() {
  Graph graph;
  graph.inputs = {info("x", ElementType::F32, {-1, 3, -1, -1}, {"batch", "", "h", ""}),
                  info("mask", ElementType::F32, {-1, -1}, {"batch", "n"}),
                  info("sr", ElementType::I64, {}),
                  info("on", ElementType::Bool, {2}),
                  info("ids", ElementType::U8, {-1}, {"n"}),
                  info("any", ElementType::F32, {}),
                  info("weight", ElementType::F32, {2})};
  graph.inputs[5].hasShape = false;
  graph.outputs = {info("y", ElementType::F32, {1}), info("z", ElementType::F32, {1})};
  graph.initializers = {Tensor{"weight", ElementType::F32, {2}, std::nullopt, std::vector<uint8_t>(8)}};
  return graph;
}

/// What is refused, and of which input.
class Flags : public testing::Test {
protected:
  std::vector<std::string> said;
  const Graph inputs = graph();
  const InputFlags *read(InputSettings given) {
    settings = std::move(given);
    said.clear();
    flags = std::make_unique<InputFlags>(
        inputs, settings, [this](llvm::StringRef, const llvm::Twine &reason) { said.push_back(reason.str()); });
    return flags.get();
  }
  const ValueInfo &input(llvm::StringRef name) const {
    return *llvm::find_if(inputs.inputs, [&](const ValueInfo &info) { return info.name == name; });
  }
  /// The elements of --const NAME=TEXT, after the flags in `more`.
  std::vector<double> constant(llvm::StringRef name, const char *text, InputSettings more = {}) {
    more.constants.push_back({name.str(), text});
    std::optional<Tensor> tensor = read(std::move(more))->constantOf(input(name), nullptr);
    if (!tensor)
      return {};
    shape = tensor->dims;
    return *llvm::cantFail(
                Model::parse(llvm::MemoryBuffer::getMemBuffer(llvm::StringRef("\x3a\x00", 2), "", false), ".", "empty"))
                .numbers(*tensor);
  }
  std::vector<int64_t> shape;

private:
  InputSettings settings;
  std::unique_ptr<InputFlags> flags;
};

TEST_F(Flags, GiveSizes) {
  const InputFlags *flags = read({{{"x", {2, 3, 4, 5}}, {"any", {7}}}, {{"n", 9}}, {}, {}});
  EXPECT_THAT(*flags->shapeOf(input("x")), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(*flags->shapeOf(input("mask")), ElementsAre(2, 9)); // batch is what x has
  EXPECT_THAT(*flags->shapeOf(input("sr")), IsEmpty());
  EXPECT_THAT(*flags->shapeOf(input("any")), ElementsAre(7));
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(Flags, NameEverySizeThatIsMissing) {
  const InputFlags *flags = read({{}, {{"h", 320}}, {}, {}});
  for (const char *name : {"x", "mask", "any"})
    EXPECT_FALSE(flags->shapeOf(input(name)));
  EXPECT_THAT(said, ElementsAre("graph input 'x' has no size along axis 0, 'batch'; --dim=batch=SIZE or "
                                "--shape=x=SIZEx3x320xSIZE gives it one",
                                "graph input 'x' has no size along axis 3; --shape=x=SIZEx3x320xSIZE gives it one",
                                "graph input 'mask' has no size along axis 0, 'batch'; --dim=batch=SIZE or "
                                "--shape=mask=SIZExSIZE gives it one",
                                "graph input 'mask' has no size along axis 1, 'n'; --dim=n=SIZE or "
                                "--shape=mask=SIZExSIZE gives it one",
                                "graph input 'any' has no shape; --shape=any=SIZExSIZE... gives it one"));
}

TEST_F(Flags, Disagree) {
  read({{{"x", {2, 4, 4, 5}}, {"mask", {3}}, {"y", {1}}, {"weight", {2}}},
        {{"batch", 1}, {"bach", 1}, {"width", 1}},
        {{"sr", "1"}},
        {{"y", "sr"}, {"z", "x"}, {"nothing", "x"}}});
  EXPECT_THAT(
      said,
      ElementsAre("--dim=bach=1: no input of the graph names a dimension 'bach'; did you mean 'batch'?",
                  "--dim=width=1: no input of the graph names a dimension 'width'; it has batch, h, n",
                  "--shape=x=2x4x4x5: input 'x' has the dimension 'batch' along axis 0, which is 1 by --dim=batch=1",
                  "--shape=x=2x4x4x5: input 'x' has 3 along axis 1", "--shape=mask=3: input 'mask' has 2 axes",
                  "--shape=y=1: the graph has no input 'y'; did you mean 'x'?",
                  "--shape=weight=2: input 'weight' has a value in the model",
                  "--state=y=sr: input 'sr' has a value by --const",
                  "--state=nothing=x: the graph has no output 'nothing'; it has y, z"));
  read({{}, {}, {}, {{"y", "x"}, {"z", "x"}}});
  EXPECT_THAT(said, ElementsAre("--state=z=x: input 'x' has a state already, of output 'y'"));
}

TEST_F(Flags, MakeConstants) {
  EXPECT_THAT(constant("sr", "16000"), ElementsAre(16000));
  EXPECT_THAT(constant("sr", "-9223372036854775808"), ElementsAre(-0x1p63));
  EXPECT_THAT(constant("on", "true,false"), ElementsAre(1, 0));
  EXPECT_THAT(constant("on", "1"), ElementsAre(1, 1)); // one counts for all
  EXPECT_THAT(constant("ids", "1, 2,255"), ElementsAre(1, 2, 255));
  EXPECT_THAT(shape, ElementsAre(3));
  EXPECT_THAT(constant("any", "0.5"), ElementsAre(0.5));
  EXPECT_THAT(shape, IsEmpty());
  EXPECT_THAT(constant("any", "0.5,-1e3"), ElementsAre(0.5, -1000));
  EXPECT_THAT(constant("mask", "1", {{}, {{"batch", 1}, {"n", 3}}, {}, {}}), ElementsAre(1, 1, 1));
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(Flags, RefuseConstants) {
  const std::pair<const char *, const char *> kWrong[] = {
      {"16000.5", "--const=sr: input 'sr' is int64 [], which '16000.5' is not of"},
      {"1,2", "--const=sr: input 'sr' is int64 [], of 1 elements, not 2"},
      {"", "--const=sr: input 'sr' is int64 [], which '' is not of"},
      {"9223372036854775808", "--const=sr: input 'sr' is int64 [], which '9223372036854775808' is not of"}};
  for (auto [text, reason] : kWrong) {
    EXPECT_THAT(constant("sr", text), IsEmpty());
    EXPECT_THAT(said, ElementsAre(reason));
  }
  EXPECT_THAT(constant("ids", "256"), IsEmpty());
  EXPECT_THAT(said, ElementsAre("--const=ids: input 'ids' is uint8 [1], which '256' is not of"));
  EXPECT_THAT(constant("on", "yes"), IsEmpty());
  EXPECT_THAT(said, ElementsAre("--const=on: input 'on' is bool [2], which 'yes' is not of"));
  EXPECT_THAT(constant("any", "1e39"), IsEmpty());
  EXPECT_THAT(said, ElementsAre("--const=any: input 'any' is float [], which '1e39' is not of"));
  EXPECT_THAT(constant("mask", "1"), IsEmpty());
  EXPECT_EQ(said.size(), 2u); // its sizes
  EXPECT_THAT(constant("any", "1", {{{"any", {1 << 30}}}, {}, {}, {}}), IsEmpty());
  EXPECT_THAT(said, ElementsAre("--const=any: input 'any' has more than 16777216 elements, too many for a constant"));
  EXPECT_THAT(constant("any", "1", {{{"any", {1 << 30, 4}}}, {}, {}, {}}), IsEmpty());
  EXPECT_THAT(said, ElementsAre("graph input 'any' has more than 2147483648 elements"));
}

TEST_F(Flags, ReadConstants) {
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("phic-flags", folder));
  const auto saved = [&](const char *name, const char *descr, std::vector<int64_t> sizes, llvm::StringRef data) {
    const std::string path = (folder + "/" + name).str();
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << npyHeader(descr, sizes) << data;
    EXPECT_FALSE(code);
    return path;
  };
  const std::string ids = saved("ids.npy", "|u1", {3}, "abc"), grid = saved("grid.npy", "|u1", {1, 3}, "abc"),
                    on = saved("on.npy", "|b1", {2}, llvm::StringRef("\1\0", 2));
  EXPECT_THAT(constant("ids", ids.c_str()), ElementsAre('a', 'b', 'c'));
  EXPECT_THAT(constant("on", on.c_str()), ElementsAre(1, 0));
  EXPECT_THAT(said, IsEmpty());
  const std::tuple<const char *, std::string, std::string> kWrong[] = {
      {"on", ids, "--const=on: input 'on' is bool, " + ids + " holds '|u1'"},
      {"ids", grid, "--const=ids: input 'ids' is [?], " + grid + " holds [1, 3]"},
      {"ids", "nowhere.npy",
       "--const=ids: input 'ids' has no value: cannot read nowhere.npy: No such file or directory"}};
  for (auto &[name, path, reason] : kWrong) {
    EXPECT_THAT(constant(name, path.c_str()), IsEmpty());
    EXPECT_THAT(said, ElementsAre(reason));
  }
  llvm::sys::fs::remove_directories(folder);
}

} // namespace
