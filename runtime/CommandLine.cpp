//===- CommandLine.cpp - The flags of a model binary -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table names every flag, its value, how it is read and what --help says.
//===----------------------------------------------------------------------===//
#include "CommandLine.h"

#include "Flags.h"

namespace phi {
namespace {

enum class FlagId : uint8_t {
  Interactive,
  System,
  Raw,
  Count,
  Temperature,
  TopK,
  TopP,
  MinP,
  Seed,
  Context,
  Threads,
  PromptLookup,
  Stop,
  IgnoreEos,
  Tokens,
  TokensFile,
  Logits,
  PrintIds,
  Weights,
  Stats,
  Device,
  ListDevices,
  CpuVariant,
  StreamStages,
  StreamTimes,
  Version,
  Licenses,
  Help,
};

using Flag = FlagRow<FlagId>;

constexpr Flag kFlags[] = {
    {FlagId::Interactive, "-i", nullptr, "chat: a line is a message, an empty line or Ctrl-D ends"},
    {FlagId::System, "--system", "TEXT", "system message before the conversation"},
    {FlagId::Raw, "--raw", nullptr, "continue PROMPT as it is, without the chat template"},
    {FlagId::Count, "-n", "N", "generate at most N tokens (default: until the model stops)"},
    {FlagId::Temperature, "--temp", "T", "sampling temperature; 0 is greedy, without any penalty"},
    {FlagId::TopK, "--top-k", "K", "sample from the K likeliest tokens; 0 is off"},
    {FlagId::TopP, "--top-p", "P", "sample from the likeliest tokens that make up P; 1 is off"},
    {FlagId::MinP, "--min-p", "P", "drop tokens less likely than P times the likeliest; 0 is off"},
    {FlagId::Seed, "--seed", "S", "random seed (default: another one each run)"},
    {FlagId::Context, "--ctx", "N", "most tokens of prompt and answer together"},
    {FlagId::Threads, "--threads", "N", "threads (default: physical cores)"},
    {FlagId::PromptLookup, "--prompt-lookup", "N",
     "guess up to N (at most 7) tokens a step where the text repeats itself: the same answer, sooner; 0 is off"},
    {FlagId::Stop, "--stop", "TEXT", "stop before TEXT; may be given up to 16 times"},
    {FlagId::IgnoreEos, "--ignore-eos", nullptr, "go on after the model's stop tokens"},
    {FlagId::Tokens, "--tokens", "IDS", "the prompt as token ids, 1,2,3"},
    {FlagId::TokensFile, "--tokens-file", "F", "the same from a file"},
    {FlagId::Logits, "--logits", "F", "write the prompt's logits, float32 [tokens, vocabulary], as F (.npy)"},
    {FlagId::PrintIds, "--print-ids", nullptr, "print token ids instead of text"},
    {FlagId::Weights, "--weights", "F",
     "file with the weights, where they are not in the program (default: beside it)"},
    {FlagId::Stats, "--stats", "[=json]", "print times and memory on stderr; with =json as one object"},
    {FlagId::Device, "--device", "NAME",
     "what runs the model: auto, or a name of --list-devices (default: auto, the best)"},
    {FlagId::ListDevices, "--list-devices", nullptr, "print what could run it here"},
#include "SharedFlags.def"
};

bool isOneOf(const char *name, Text given) { return given == name; }

class Parser {
public:
  Parser(const phi_model &model, int argc, const char *const *argv, ProgramOptions &options, Writer &errors)
      : model(model), arguments{argc, argv}, options(options), errors(errors) {}

  bool parse();

private:
  bool parseFlag(const char *argument);
  bool store(const Flag &flag);
  bool storeSampling(const Flag &flag);
  bool storeStats();
  bool storeStop();
  bool integer(const Flag &flag, int64_t least, int64_t most, int64_t *number) {
    return takeInteger(flag.name, value, least, most, number, errors);
  }
  bool decimal(const Flag &flag, double most, double *number);
  bool checkTogether();
  bool fail(Text what) {
    errors << what << '\n';
    return false;
  }

  const phi_model &model;
  Arguments arguments;
  ProgramOptions &options;
  Writer &errors;
  const char *value = nullptr;
};

bool Parser::parse() {
  bool flagsEnded = false;
  for (; arguments.at < arguments.count; ++arguments.at) {
    const char *given = arguments.list[arguments.at];
    Text argument = given;
    if (!flagsEnded && argument == "--") {
      flagsEnded = true;
    } else if (!flagsEnded && argument.size > 1 && argument.begin[0] == '-') {
      if (!parseFlag(given))
        return false;
    } else if (options.prompt) {
      errors << "more than one prompt: '" << options.prompt << "' and '" << argument
             << "'; put a prompt of several words in quotes\n";
      return false;
    } else {
      options.prompt = given;
    }
  }
  return checkTogether();
}

bool Parser::parseFlag(const char *argument) {
  const Text name = nameBefore(argument);
  for (const Flag &flag : kFlags)
    if (isOneOf(flag.name, name) || (flag.id == FlagId::Help && name == "-h"))
      return takeValue(flag.name, flag.value, &arguments, &value, errors) && store(flag);
  return refuseUnknown(name, kFlags, errors);
}

bool Parser::decimal(const Flag &flag, double most, double *number) {
  if (parseDecimal(value, number) && *number >= 0 && *number <= most)
    return true;
  errors << flag.name << " wants a number from 0 to " << int64_t(most) << ", not '" << value << "'\n";
  return false;
}

bool Parser::storeSampling(const Flag &flag) {
  SamplerOptions &sampler = options.sampler;
  int64_t seed = 0;
  switch (flag.id) {
  case FlagId::Temperature:
    if (!decimal(flag, 100, &sampler.temperature))
      return false;
    if (sampler.temperature == 0)
      sampler.repetitionPenalty = 1;  // asked for the likeliest token, not for the model's defaults
    return true;
  case FlagId::TopK:
    return integer(flag, 0, INT32_MAX, &sampler.topK);
  case FlagId::TopP:
    return decimal(flag, 1, &sampler.topP);
  case FlagId::MinP:
    return decimal(flag, 1, &sampler.minP);
  default:
    options.seeded = integer(flag, 0, INT64_MAX, &seed);
    sampler.seed = uint64_t(seed);
    return options.seeded;
  }
}

bool Parser::storeStats() {
  options.stats = value ? StatsKind::Json : StatsKind::Plain;
  return checkStats(value, errors);
}

bool Parser::storeStop() {
  if (!*value)
    return fail("--stop wants a text that is not empty");
  if (options.stopCount == kMostStops)
    return fail("--stop can be given 16 times at most");
  options.stops[options.stopCount++] = value;
  return true;
}

bool Parser::store(const Flag &flag) {
  switch (flag.id) {
  case FlagId::Interactive:
    options.interactive = true;
    return true;
  case FlagId::System:
    options.system = value;
    return true;
  case FlagId::Raw:
    options.raw = true;
    return true;
  case FlagId::Count:
    return integer(flag, 0, INT32_MAX, &options.count);
  case FlagId::Context:
    return integer(flag, 1, model.context_max, &options.context);
  case FlagId::Threads:
    return integer(flag, 1, kMostThreads, &options.threads);
  case FlagId::PromptLookup:
    return integer(flag, 0, PHI_VERIFY_ROWS - 1, &options.promptLookup);
  case FlagId::Stop:
    return storeStop();
  case FlagId::IgnoreEos:
    options.ignoreEos = true;
    return true;
  case FlagId::Tokens:
    options.tokens = value;
    return true;
  case FlagId::TokensFile:
    options.tokensFile = value;
    return true;
  case FlagId::Logits:
    options.logits = value;
    return true;
  case FlagId::Weights:
    options.weights = value;
    return true;
  case FlagId::PrintIds:
    options.printIds = true;
    return true;
  case FlagId::Stats:
    return storeStats();
  case FlagId::Device:
    options.device = isOneOf("auto", value) ? nullptr : value;
    return true;
  case FlagId::ListDevices:
    options.listDevices = true;
    return true;
  case FlagId::CpuVariant:
    options.cpuVariant = value;
    return true;
  case FlagId::StreamStages:
    return integer(flag, 0, INT32_MAX, &options.streamStages);
  case FlagId::StreamTimes:
    return integer(flag, 0, INT32_MAX, &options.streamTimes);
  case FlagId::Version:
    options.version = true;
    return true;
  case FlagId::Licenses:
    options.licenses = true;
    return true;
  case FlagId::Help:
    options.help = true;
    return true;
  default:
    return storeSampling(flag);
  }
}

/// What cannot be had at once, or not in this program.
bool Parser::checkTogether() {
  if (options.help || options.version || options.licenses || options.listDevices)
    return true;
  if (options.tokens && options.tokensFile)
    return fail("--tokens and --tokens-file both give the prompt; one of them is enough");
  if (options.hasTokens() && options.prompt)
    return fail("a text prompt and --tokens cannot be used together");
  if (options.hasTokens() && options.interactive)
    return fail("-i chats in text; it cannot be used with --tokens");
  if (options.system && (options.raw || options.hasTokens()))
    return fail("--system is a message of the chat template; it cannot be used with --raw or --tokens");
  if (options.raw && options.interactive)
    return fail("-i needs the chat template; it cannot be used with --raw");
  if (options.logits && options.interactive)
    return fail("--logits writes one prompt's logits; it cannot be used with -i");
  if (options.streamStages >= 0 && options.streamTimes >= 0)
    return fail("--stream-stages and --stream-times exclude each other: writing buffers takes time");
  if (options.promptLookup && model.pruned_head)
    return fail("this model computes the logits of the last token alone; --prompt-lookup cannot be used");
  if (!model.tokenizer && !options.hasTokens())
    return fail("this program was built without a tokenizer; give it token ids with --tokens or --tokens-file");
  if (!model.tokenizer && options.stopCount)
    return fail("this program was built without a tokenizer; --stop cannot be used");
  if (!model.chat && !options.raw && !options.hasTokens())
    return fail("this program was built without a chat template; only --raw and --tokens work");
  return true;
}

} // namespace

bool parseCommandLine(const phi_model &model, int argc, const char *const *argv, ProgramOptions *options,
                      Writer &errors) {
  *options = {};
  options->sampler = defaultSampling(model.generation);
  return Parser(model, argc, argv, *options, errors).parse();
}

void printHelp(const phi_model &model, const char *program, Writer &out) {
  out << model.name << "\n\nusage: " << program << " [PROMPT] [flags]\n\n";
  for (const Flag &flag : kFlags)
    printFlag(flag.name, flag.value, flag.help, out);
  out << "\nWithout PROMPT: a chat on a terminal, else the prompt is read from standard input.\n"
         "Exit codes: 0 fine, 1 wrong use or not on this machine, 2 the program or its weights are damaged, 130 "
         "interrupted.\n";
}

void printVersion(const phi_model &model, Writer &out) {
  out << model.name << ", compiled by phic " << model.phic_version << " for";
  for (uint32_t i = 0; i < model.variant_count; ++i)
    out << (i ? ", " : " ") << model.variants[i].name;
  out << '\n';
}

} // namespace phi
