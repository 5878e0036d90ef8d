//===- KernelProgram.cpp - Runs matmul kernels of any level ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     void phi_decode_kernels(operands, results) {
//       core0_8(operands + lhs of problem 0, operands + rhs of problem 0, results + ..., row bytes, panels);
//       ...
//
// All offsets are constants; KernelDriver.cpp is the program around it.
//===----------------------------------------------------------------------===//
#include "KernelProgram.h"
#include "KernelJit.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "targets/code/Passes.h"
#include "targets/cpu/Passes.h"
#include "targets/cpu/code/Codegen.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <cstring>

using namespace mlir;

namespace phic {
namespace {

constexpr uint64_t kAlignment = 64;

/// Bytes of all operands, and where those of each problem lie.
struct Operands {
  explicit Operands(llvm::ArrayRef<MatmulProblem> problems) {
    for (const MatmulProblem &problem : problems) {
      lhs.push_back(append(problem.lhs));
      rhs.push_back(append(problem.rhs));
    }
  }
  int64_t append(const std::vector<uint8_t> &more) {
    bytes.resize((bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    bytes.insert(bytes.end(), more.begin(), more.end());
    return int64_t(bytes.size() - more.size());
  }
  std::vector<uint8_t> bytes;
  std::vector<int64_t> lhs, rhs;
};

/// Floats of a problem's results.
int64_t resultCount(const MatmulProblem &problem) { return KernelResults::begin(problem, problem.M + 1); }

/// Calls `use(tile, row)` so that the tiles cover `rows` rows.
void overRows(llvm::ArrayRef<RegisterTile> tiles, int64_t rows,
              llvm::function_ref<void(const RegisterTile &tile, int64_t row)> use) {
  int64_t row = 0;
  for (const RegisterTile &tile : tiles)
    for (; row + tile.MR <= rows; row += tile.MR)
      use(tile, row);
}

OwningOpRef<ModuleOp> emitKernels(MLIRContext &context, const CpuTarget &level, llvm::ArrayRef<MatmulProblem> problems,
                                  const Operands &operands) {
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  KernelBuilder b(loc, &context);
  auto nameOf = [](size_t problem, const RegisterTile &tile) {
    return "core" + std::to_string(problem) + "_" + std::to_string(tile.MR);
  };
  std::vector<llvm::SmallVector<RegisterTile>> tiles;
  for (const MatmulProblem &problem : problems) {
    tiles.push_back(microkernelsOf(level).matmulTiles(problem.operands));
    for (const RegisterTile &tile : tiles.back())
      emitCore(b, *module, level, problem.operands, tile, nameOf(tiles.size() - 1, tile), LLVM::Linkage::Internal)
          .setNoInline(true);
  }
  auto main =
      beginFunction(b, *module->getBody(), "phi_decode_kernels", {b.ptrType(), b.ptrType()}, LLVM::Linkage::External);
  Value in = main.getBody().front().getArgument(0), out = main.getBody().front().getArgument(1);
  int64_t results = 0;
  for (size_t i = 0; i < problems.size(); ++i) {
    const MatmulProblem &problem = problems[i];
    const int64_t rowBytes = resultStride(problem) * 4;
    for (int64_t rows = 1; rows <= problem.M; ++rows)
      overRows(tiles[i], rows, [&](const RegisterTile &tile, int64_t row) {
        b.call(nameOf(i, tile),
               {b.offset(in, operands.lhs[i] + row * problem.operands.lhsRowBytes), b.offset(in, operands.rhs[i]),
                b.offset(out, 4 * (results + KernelResults::begin(problem, rows)) + row * rowBytes), b.i64(rowBytes),
                b.i64(problem.operands.rhs.panels(problem.N))});
      });
    results += resultCount(problem);
  }
  LLVM::ReturnOp::create(b, ValueRange{});
  return module;
}

/// A folder for one run, and what goes wrong there.
class Workshop {
public:
  Workshop() { (void)llvm::sys::fs::createUniqueDirectory("phic-kernels", folder); }
  ~Workshop() { llvm::sys::fs::remove_directories(folder); }
  std::string path(llvm::StringRef name) const { return (folder + "/" + name).str(); }

  bool write(llvm::StringRef name, llvm::ArrayRef<llvm::StringRef> parts) {
    std::error_code code;
    llvm::raw_fd_ostream os(path(name), code);
    for (llvm::StringRef part : parts)
      os << part;
    return !code;
  }
  /// Runs a program with its messages in a file; what is wrong in words, or nothing.
  std::string run(llvm::ArrayRef<std::string> words) {
    const std::string log = path("log");
    std::optional<llvm::StringRef> redirects[] = {std::nullopt, llvm::StringRef(log), llvm::StringRef(log)};
    llvm::SmallVector<llvm::StringRef> arguments(words.begin(), words.end());
    std::string reason;
    int code = llvm::sys::ExecuteAndWait(words.front(), arguments, std::nullopt, redirects, 0, 0, &reason);
    if (code == 0)
      return "";
    auto text = llvm::MemoryBuffer::getFile(log);
    return words.front() + ": exit code " + std::to_string(code) + ": " + reason +
           (text ? (*text)->getBuffer().str() : "");
  }

private:
  llvm::SmallString<128> folder;
};

/// Words before the program and its two files; for the other emulator, which has files of its own, the file to bring back.
struct Place {
  std::vector<std::string> before;
  bool ownFiles = false;
  std::string missing;
};

Place placeOf(const CpuTarget &level, const Workshop &shop) {
  if (canRunHere(level))
    return {};
  if (level.architecture == "aarch64") {
    // The model that has the level and no better one.
    const char *model = level.name == "neon" ? "cortex-a53" : level.name == "neon+dotprod" ? "cortex-a76" : "max";
    for (const char *name : {"qemu-aarch64", "qemu-aarch64-static"})
      if (auto found = llvm::sys::findProgramByName(name))
        return {{*found, "-cpu", model}, false, ""};
    return {{}, false, "no qemu-aarch64: package qemu-user has it"};
  }
  const std::string emulator = PHIC_TEST_DIR "/emulators/avx512/run-avx512";
  if (std::string wrong = Workshop().run({emulator, "--check"}); !wrong.empty())
    return {{}, false, wrong};
  return {{emulator, "--timeout", "0", "--memory", "256", "--file", shop.path("operands"), "--get",
           "results:" + shop.path("results")},
          true,
          ""};
}

std::string link(Workshop &shop, const CpuTarget &level) {
  const std::string runtime = std::string(PHIC_TEST_RUNTIMES) + "/" + std::string(systemOf(level).name);
  auto musl = [&](const char *file) { return runtime + "/" + file; };
  return shop.run({PHIC_TEST_LLD, "-static", "-o", shop.path("program"), musl("Scrt1.o"), musl("crti.o"),
                   std::string(PHIC_TEST_DRIVERS) + "/" + std::string(systemOf(level).name) + ".o",
                   shop.path("kernels.o"), musl("libc.a"), musl("crtn.o")});
}

std::string makeProgram(Workshop &shop, const CpuTarget &level, llvm::ArrayRef<MatmulProblem> problems,
                        const Operands &operands) {
  std::unique_ptr<MLIRContext> context = makeKernelContext();
  OwningOpRef<ModuleOp> module = emitKernels(*context, level, problems, operands);
  PassManager passes(context.get());
  passes.addPass(createLowerToLlvmPass());
  if (failed(passes.run(*module)))
    return "the kernels cannot be lowered";
  auto object = emitCode(*module, level, CodeKind::Object, systemOf(level).triple);
  if (!object)
    return llvm::toString(object.takeError());
  if (!shop.write("kernels.o", {llvm::StringRef(object->data(), object->size())}))
    return "the object file cannot be written";
  return link(shop, level);
}

} // namespace

KernelResults multiplyOn(const CpuTarget &level, llvm::ArrayRef<MatmulProblem> problems) {
  KernelResults results;
  Workshop shop;
  Place place = placeOf(level, shop);
  results.missing = place.missing;
  if (!llvm::sys::fs::exists(std::string(PHIC_TEST_RUNTIMES) + "/" + std::string(systemOf(level).name) + "/libc.a"))
    results.missing = "no musl for " + std::string(systemOf(level).name) + ", which .ci/install-deps gets";
  if (!results.missing.empty())
    return results;
  const Operands operands(problems);
  uint64_t bytes[2] = {operands.bytes.size(), 0};
  for (const MatmulProblem &problem : problems)
    bytes[1] += 4 * uint64_t(resultCount(problem));
  results.failure = makeProgram(shop, level, problems, operands);
  if (!results.failure.empty())
    return results;
  shop.write("operands",
             {llvm::StringRef(reinterpret_cast<const char *>(bytes), sizeof(bytes)),
              llvm::StringRef(reinterpret_cast<const char *>(operands.bytes.data()), operands.bytes.size())});
  std::vector<std::string> words = std::move(place.before);
  words.push_back(shop.path("program"));
  for (const char *file : {"operands", "results"})
    words.push_back(place.ownFiles ? file : shop.path(file));
  results.failure = shop.run(words);
  auto file = llvm::MemoryBuffer::getFile(shop.path("results"));
  if (results.failure.empty() && (!file || (*file)->getBufferSize() != bytes[1]))
    results.failure = "the program left no results";
  if (!results.failure.empty())
    return results;
  const char *next = (*file)->getBufferStart();
  for (const MatmulProblem &problem : problems) {
    results.products.emplace_back(resultCount(problem));
    std::memcpy(results.products.back().data(), next, 4 * results.products.back().size());
    next += 4 * results.products.back().size();
  }
  return results;
}

} // namespace phic
