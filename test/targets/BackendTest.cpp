//===- BackendTest.cpp - What every backend promises -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Asked of each row of Backends.def: its names, and that its layouts lose nothing.
//===----------------------------------------------------------------------===//
#include "targets/Backend.h"
#include "compiler/Dialects.h"
#include "dialects/phiq/Numerics.h"
#include "test/targets/cpu/kernels/RandomRow.h"
#include "gtest/gtest.h"
#include <cstring>
#include <set>

using namespace phic;

namespace {

class Backends : public testing::Test {
protected:
  Backends() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  WeightUse matrix(int64_t N, int64_t K, mlir::Type element) {
    return {WeightUse::Kind::Matrix, mlir::RankedTensorType::get({N, K}, element)};
  }

  mlir::MLIRContext context;
};

TEST_F(Backends, NamesAreUnique) {
  std::set<std::string> families;
  for (const Backend *backend : allBackends()) {
    EXPECT_TRUE(families.insert(backend->family().str()).second) << backend->family().str();
    EXPECT_EQ(backendByName(backend->family()), backend);
    std::set<std::string_view> names;
    for (const Target *level : backend->levels()) {
      EXPECT_EQ(&backendOf(*level), backend);
      EXPECT_TRUE(names.insert(level->name).second) << level->name;
    }
    EXPECT_FALSE(names.empty());
    EXPECT_EQ(backend->chunkRows() % backend->chunkStep(), 0);
  }
}

TEST_F(Backends, LevelsSayWhereTheyRunAndHowFast) {
  for (const Backend *backend : allBackends()) {
    for (const Target *level : backend->levels()) {
      SCOPED_TRACE(std::string(level->name));
      EXPECT_TRUE(llvm::any_of(allSystems(), [&](const System &s) { return backend->runsOn(*level, s); }));
      const MachineRates known = backend->referenceMachine(*level);
      EXPECT_TRUE(known.threads > 0 || backend != &hostBackend());
      EXPECT_GT(std::min({known.bytesPerSecond, known.integerPerSecond, known.realPerSecond}), 0);
      if (!backend->runsHere(*level))
        EXPECT_FALSE(backend->measure(*level, 1, 1 << 20));
    }
    for (const LevelName &name : backend->levelNames())
      EXPECT_TRUE(levelByName(*backend, name.level)) << name.name;
  }
}

/// Names of machines are words of one flag, whatever the family.
TEST_F(Backends, MachinesRunSomethingAndAreKnownByOneName) {
  std::set<std::string_view> names;
  for (const Backend *backend : allBackends()) {
    EXPECT_FALSE(backend->defaultLevels().empty());
    for (const Target *level : backend->defaultLevels())
      EXPECT_TRUE(llvm::is_contained(backend->levels(), level)) << level->name;
    for (const KnownMachine &machine : backend->machines()) {
      SCOPED_TRACE(std::string(machine.name));
      EXPECT_TRUE(names.insert(machine.name).second);
      EXPECT_FALSE(machine.levels.empty());
      for (const Target *level : machine.levels)
        EXPECT_TRUE(llvm::is_contained(backend->levels(), level)) << level->name;
      EXPECT_GT(std::min({machine.rates.bytesPerSecond, machine.rates.integerPerSecond, machine.rates.realPerSecond}),
                0);
      EXPECT_FALSE(machine.rates.measured);
    }
  }
}

TEST_F(Backends, TablesHoldTheSizesThatAreOpen) {
  for (const Backend *backend : allBackends())
    for (const Target *level : backend->levels()) {
      SCOPED_TRACE(std::string(level->name));
      for (const std::vector<int64_t> &shape : backend->tilesOf(*level)) {
        ASSERT_EQ(shape.size(), backend->tileSizes().size());
        for (auto [size, value] : llvm::zip_equal(backend->tileSizes(), shape))
          EXPECT_TRUE(size.holds(value)) << size.name;
      }
      for (const TileAxis &axis : backend->tileAxes(*level))
        for (const std::vector<int64_t> &sizes : axis.candidates) {
          ASSERT_EQ(sizes.size(), axis.sizes.size());
          for (auto [index, value] : llvm::zip_equal(axis.sizes, sizes))
            EXPECT_TRUE(backend->tileSizes()[index].holds(value)) << axis.name;
        }
    }
}

/// Packs all rows, in runs of two times what is packed together, and compares each with the meaning of its format.
void checkCodes(plan::WeightLayout layout, const BlockFormat &format, int64_t N, int64_t K) {
  std::mt19937 random(1);
  std::vector<BlockRow> rows;
  for (int64_t n = 0; n < N; ++n)
    rows.push_back(randomRow(format, K, 0.1f, random));
  std::vector<uint8_t> packed(size_t(layout.bytes(N, K)));
  const int64_t run = 2 * layout.rowsTogether();
  for (int64_t n = 0; n < N; n += run)
    layout.packCodes(llvm::ArrayRef(rows).slice(size_t(n), size_t(std::min(run, N - n))), K,
                     packed.data() + layout.bytes(n, K));
  std::vector<float> meaning(K), unpacked(K);
  for (int64_t n = 0; n < N; ++n) {
    dequantizeRow(rows[size_t(n)], format, meaning.data());
    layout.dequantizeRow(packed.data(), K, n, unpacked.data());
    EXPECT_EQ(std::memcmp(meaning.data(), unpacked.data(), size_t(K) * sizeof(float)), 0) << "row " << n;
    BlockRow row;
    layout.unpackRow(packed.data(), K, n, &row);
    EXPECT_EQ(row.codes, rows[size_t(n)].codes) << "row " << n;
    EXPECT_EQ(row.scale, rows[size_t(n)].scale) << "row " << n;
  }
}

TEST_F(Backends, CodesArePackedExactly) {
  for (const char *text : {"u4, 32, scale = f16, zero = 8", "u4, 32, scale = f16, min = f16", "s8, 32, scale = f16",
                           "u4, 128, scale = f32, zero = u4", "u4, 32, scale = f16 * u6, min = f16 * u6",
                           "s6, 16, scale = f16 * s8", "u3, 96, scale = f32, zero = u4"}) {
    const BlockFormat format = *BlockFormat::parse(text, nullptr);
    for (const Backend *backend : allBackends()) {
      SCOPED_TRACE(backend->family().str() + ", " + text);
      std::string why;
      plan::WeightLayout layout = backend->weightLayout(matrix(13, 96, phiq::BlockType::get(&context, format)), &why);
      ASSERT_TRUE(layout) << why;
      ASSERT_TRUE(layout.holdsCodes());
      checkCodes(layout, format, 13, 96);
    }
  }
}

TEST_F(Backends, FloatsArePackedExactly) {
  constexpr int64_t N = 13, K = 33;
  std::vector<float> values(N * K), row(K);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(i) - 100; // f16 and bf16 hold them too
  mlir::Builder b(&context);
  for (const Backend *backend : allBackends())
    for (mlir::Type element : {mlir::Type(b.getF32Type()), mlir::Type(b.getF16Type())}) {
      plan::WeightLayout layout = backend->weightLayout(matrix(N, K, element), nullptr);
      ASSERT_TRUE(layout && !layout.holdsCodes()) << backend->family().str();
      std::vector<uint8_t> packed(size_t(layout.bytes(N, K)));
      layout.packFloats(values, K, packed.data());
      for (int64_t n = 0; n < N; ++n) {
        layout.dequantizeRow(packed.data(), K, n, row.data());
        EXPECT_TRUE(std::equal(row.begin(), row.end(), values.begin() + n * K)) << backend->family().str();
      }
    }
}

/// What the runtime copies, and `phic verify` reads, is every element once.
TEST_F(Backends, CachesHoldEachElementOnce) {
  auto module = mlir::OwningOpRef<mlir::ModuleOp>(mlir::ModuleOp::create(mlir::UnknownLoc::get(&context)));
  mlir::OpBuilder b(module->getBodyRegion());
  auto cache = phiq::CacheOp::create(b, module->getLoc(), "kv0", 2, 6, mlir::Type(b.getF16Type()));
  for (const Backend *backend : allBackends()) {
    plan::CacheLayoutAttr layout = backend->cacheLayout(cache);
    const int64_t context = 2 * layout.getContextStep();
    for (auto index : {&plan::CacheLayoutAttr::keyIndex, &plan::CacheLayoutAttr::valueIndex}) {
      std::set<int64_t> seen;
      for (int64_t t = 0; t < context; ++t)
        for (int64_t head = 0; head < 2; ++head)
          for (int64_t d = 0; d < 6; ++d)
            seen.insert((layout.*index)({context, 2, 6, t, head, d}));
      EXPECT_EQ(int64_t(seen.size()), context * 12) << backend->family().str();
      EXPECT_EQ(*seen.begin(), 0);
      EXPECT_EQ(*seen.rbegin(), context * 12 - 1);
    }
  }
}

} // namespace
