//===- CompileFlags.cpp - Flags that several verbs share -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tools/CompileFlags.h"
#include "compiler/request/BuildRequest.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/GraphFlags.h"
#include "llvm/ADT/STLExtras.h"
#include <CLI/CLI.hpp>

namespace phic {
namespace {

constexpr std::string_view kEmitKinds[] = {"exe", "lib", "shared", "obj", "header"};

} // namespace

/// One value a time; more are more of the same flag.
static void addRepeatable(CLI::App &verb, const char *flag, std::vector<std::string> &values, const char *text) {
  verb.add_option(flag, values, text)->type_size(1)->allow_extra_args(false);
}

void addModelFlags(CLI::App &verb, CompileSettings &o) {
  verb.add_option("MODEL", o.model,
                  "directory of an ONNX Runtime GenAI model, .onnx or .gguf file (.mlir with --start-from)");
  takesNumber(verb.add_option("--max-context", o.maxContext,
                              "most tokens a session of the program can hold (the model's own limit caps it)"),
              32, int64_t(1) << 24)
      ->capture_default_str();
  addGraphFlags(verb, o.graphInputs);
  takesNumber(
      verb.add_option("--chunk", o.chunkRows, "tokens of one prefill step, a multiple of 8 (default: 256 on a CPU)"), 8,
      4096, /*step=*/8);
}

void addTargetFlags(CLI::App &verb, Options &o) {
  verb.add_option("--target", o.target, "systems to compile for, comma-separated: outputs for each")
      ->capture_default_str();
  verb.add_option("--cpu", o.cpu,
                  "CPU levels, processors, 'generic' or 'native', comma-separated: the program holds code for each and "
                  "chooses when it "
                  "starts (default: the target's levels, for x86_64 x86-64-v3,x86-64-v4+vnni)");
  verb.add_option("--device", o.device,
                  "devices that the program also has code for, FAMILY or FAMILY:LEVEL,LEVEL, comma-separated (default: "
                  "cpu, which every program has)");
  takesSize(verb.add_option("--max-memory", o.maxMemory,
                            "fail before building if the program would need more memory: 2GiB, 500M, ..."));
}

void addPrecisionFlags(CLI::App &verb, CompileSettings &o) {
  const char *weights = "Weights";
  PrecisionFlags &p = o.precision;
  verb.add_option("--precision", p.precision,
                  "format of the matrices: as-is (default), fp32, fp16, bf16, int8, int4 (round to nearest in blocks), "
                  "or a block format such as 'u4, 32, scale = f16, zero = 8'")
      ->group(weights);
  verb.add_option("--precision-rule", p.rules,
                  "REGEX=FORMAT for matrices whose name contains a match; repeatable, the last that matches wins")
      ->allow_extra_args(false)
      ->group(weights);
  verb.add_option("--embeddings", p.embeddings,
                  "format of the embeddings: auto (default; int8 where --precision has fewer than 8 bits, else the "
                  "same), same, or a format")
      ->group(weights);
  verb.add_option("--lm-head", p.lmHead, "format of the LM head, as --embeddings; tied embeddings follow it")
      ->group(weights);
  verb.add_option("--block", p.block,
                  "of int8 and int4: weights that share a scale, a multiple of 16 up to 256 (default 32), or row")
      ->group(weights);
  auto *sym =
      verb.add_flag_callback(
              "--sym", [&p] { p.scheme = "sym"; }, "of int8 and int4: the zero point is the middle code (default)")
          ->group(weights);
  verb.add_flag_callback(
          "--asym", [&p] { p.scheme = "asym"; }, "of int8 and int4: a zero point for every block")
      ->excludes(sym)
      ->group(weights);
  verb.add_option("--axis", p.axis,
                  "axis that blocks run along: k, which a matmul sums over (default), is the one that kernels read")
      ->group(weights);
  verb.add_flag("--allow-nonfinite", o.allowNonFinite,
                "compile weights that hold NaN or infinity, or whose scales overflow, as they are")
      ->group(weights);
  verb.add_flag("--allow-requantize", p.allowRequantize, "change the format of weights that are quantized already, too")
      ->group(weights);
  addChoice(verb, "--act", o.activations, kActivations,
            "activations of a matmul: i8 quantizes them per block at run time; auto is i8 for weights of 8 bits or "
            "less, else f32",
            activationsOffered())
      ->default_str(nameOf(o.activations));
  addChoice(verb, "--kv", o.kvCache, kCacheElements, "element type of the KV cache")->default_str(nameOf(o.kvCache));
}

void addPluginFileFlags(CLI::App &verb, PluginFlags &flags) {
  addRepeatable(verb, "--load-pass-plugin", flags.files,
                "shared library with passes, formats or kernels (docs/extending.md); repeatable");
  addRepeatable(verb, "--plugin-option", flags.options, "PLUGIN:NAME=VALUE for a loaded plugin; repeatable");
}

void addPluginFlags(CLI::App &verb, PluginFlags &flags) {
  addPluginFileFlags(verb, flags);
  addRepeatable(verb, "--run-before", flags.runBefore, "PHASE:PIPELINE, passes to run before a phase; repeatable");
  addRepeatable(verb, "--run-after", flags.runAfter, "PHASE:PIPELINE, passes to run after a phase; repeatable");
}

void addOutputFlags(CLI::App &verb, Options &o) {
  verb.add_option("-o,--output", o.output,
                  "file to write: the first kind of --emit, the others lie beside it; with --stop-after: IR, '-' for "
                  "standard output (default)");
  auto setKinds = [&o](const std::vector<std::string> &words) {
    o.emit.clear();
    for (const std::string &word : words)
      o.emit.push_back(valueOf<EmitKind>(word, kEmitKinds));
  };
  takesOneOf(verb.add_option_function<std::vector<std::string>>(
                     "--emit", setKinds,
                     "what to write, separated by commas: exe, a standalone program (default); lib, shared or obj, a "
                     "library for other programs; header, its C header")
                 ->delimiter(','),
             {std::begin(kEmitKinds), std::end(kEmitKinds)}, "exe|lib|shared|obj|header,...");
  addChoice(verb, "--weights", o.weights, kWeightsPlaces,
            "embed: in each file; sidecar: in a file of their own beside it, STEM.weights")
      ->default_str("embed");
  addChoice(verb, "--convert", o.conversions, kConversions,
            "when weights take the format of --precision: stream, whenever they are read; once, into files that lie in "
            "the cache, for later builds too, or beside the output while phic runs")
      ->default_str("stream");
  verb.add_option("--name", o.name, "a library's one function is phi_query_NAME (default: the stem of -o)");
  verb.add_option("--report", o.report,
                  "also write what the build came to: every weight's format, error and kernel, memory and speed; '-' "
                  "for standard output");
  addChoice(verb, "--report-format", o.reportFormat, kReportFormats,
            "text or json (default: json where --report ends in .json, else text)");
  verb.add_option("--depfile", o.depfile,
                  "also write this file: every file that was read, in the syntax of Make, for Make, Ninja and CMake");
}

void addCacheFlags(CLI::App &verb, CompileSettings &o) {
  verb.add_option("--cache-dir", o.cacheDir, "keep outputs in this folder by content, and take them from it")
      ->envname("PHIC_CACHE_DIR");
  takesSize(verb.add_option("--cache-size", o.cacheSize, "most bytes that the cache keeps, with a unit (10G, 500MiB)"))
      ->envname("PHIC_CACHE_SIZE")
      ->default_str("10GiB");
}

std::string spelledFlags(const CLI::App &verb) {
  static constexpr std::string_view kIrrelevant[] = {"MODEL",        "--output",   "--depfile", "--cache-dir",
                                                     "--cache-size", "--no-cache", "--jobs"};
  std::string text;
  for (const CLI::Option *option : verb.get_options()) {
    std::string name = option->get_single_name();
    if (option->count() == 0 ||
        llvm::is_contained(kIrrelevant, option->get_positional() ? option->get_name(true) : "--" + name))
      continue;
    text += name;
    for (const std::string &value : option->results())
      text += " " + std::to_string(value.size()) + ":" + value;
    text += "\n";
  }
  return text;
}

} // namespace phic
