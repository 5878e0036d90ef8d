//===- GraphCommandLine.cpp - The flags of a graph's program -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One table names every flag; the files are told apart by the names of the graph's inputs and outputs.
//===----------------------------------------------------------------------===//
#include "GraphCommandLine.h"

#include "Flags.h"
#include "GraphSession.h"

namespace phi {
namespace {

enum class FlagId : uint8_t {
  Output,
  In,
  Out,
  Reset,
  Threads,
  Weights,
  Stats,
  Device,
  ListDevices,
  CpuVariant,
  StreamStages,
  StreamTimes,
  Version,
  Licenses,
  Help
};

using Flag = FlagRow<FlagId>;

constexpr Flag kFlags[] = {
    {FlagId::Output, "-o", "F", "write the only result as F (.npy)"},
    {FlagId::In, "--in", "NAME=F", "read an input from F (.npy), or where a state begins (default: zeros)"},
    {FlagId::Out, "--out", "NAME=F", "write a result as F (.npy), or where a state ends"},
    {FlagId::Reset, "--reset", nullptr, "begin every run with states of zeros, not with what the run before left"},
    {FlagId::Threads, "--threads", "N", "threads (default: physical cores)"},
    {FlagId::Weights, "--weights", "F",
     "file with the weights, where they are not in the program (default: beside it)"},
    {FlagId::Stats, "--stats", "[=json]", "print the time of the runs on stderr; with =json as one object"},
    {FlagId::Device, "--device", "NAME",
     "what runs the graph: auto, or a name of --list-devices (default: auto, the best)"},
    {FlagId::ListDevices, "--list-devices", nullptr, "print what could run it here"},
#include "SharedFlags.def"
};

class Parser {
public:
  Parser(const phi_model &model, int argc, const char *const *argv, Port *ports, GraphProgramOptions &options,
         Writer &errors)
      : entry(entryOf(model)), arguments{argc, argv}, ports(ports), options(options), errors(errors) {}

  bool parse() {
    for (; arguments.at < arguments.count; ++arguments.at) {
      const char *given = arguments.list[arguments.at];
      Text argument = given;
      bool isFlag = argument.size > 1 && argument.begin[0] == '-';
      if (isFlag ? !parseFlag(given) : !giveOnly(PHI_INPUT, given))
        return false;
    }
    return options.help || options.version || options.licenses || options.listDevices || checkTogether();
  }

private:
  bool parseFlag(const char *argument);
  bool store(const Flag &flag, const char *value);
  bool integer(const Flag &flag, const char *value, int64_t least, int64_t most, int64_t *number) {
    return takeInteger(flag.name, value, least, most, number, errors);
  }
  bool give(const Flag &flag, const char *value);
  bool giveOnly(uint32_t kind, const char *path);
  bool checkReset();
  bool checkTogether();
  void listNames(uint32_t kind);

  const phi_entry_desc &entry;
  Arguments arguments;
  Port *ports;
  GraphProgramOptions &options;
  Writer &errors;
};

bool Parser::parseFlag(const char *argument) {
  const Text name = nameBefore(argument);
  for (const Flag &flag : kFlags) {
    const char *value = nullptr;
    if (name == flag.name || (flag.id == FlagId::Help && name == "-h"))
      return takeValue(flag.name, flag.value, &arguments, &value, errors) && store(flag, value);
  }
  return refuseUnknown(name, kFlags, errors);
}

bool Parser::store(const Flag &flag, const char *value) {
  switch (flag.id) {
  case FlagId::Output:
    return giveOnly(PHI_RESULT, value);
  case FlagId::In:
  case FlagId::Out:
    return give(flag, value);
  case FlagId::Reset:
    return options.reset = true;
  case FlagId::Threads:
    return integer(flag, value, 1, 1024, &options.threads);
  case FlagId::StreamStages:
    return integer(flag, value, 0, INT32_MAX, &options.streamStages);
  case FlagId::StreamTimes:
    return integer(flag, value, 0, INT32_MAX, &options.streamTimes);
  case FlagId::Weights:
    options.weights = value;
    return true;
  case FlagId::Device:
    options.device = Text(value) == "auto" ? nullptr : value;
    return true;
  case FlagId::ListDevices:
    return options.listDevices = true;
  case FlagId::CpuVariant:
    options.cpuVariant = value;
    return true;
  case FlagId::Stats:
    options.stats = true;
    options.statsJson = value != nullptr;
    return checkStats(value, errors);
  case FlagId::Version:
    return options.version = true;
  case FlagId::Licenses:
    return options.licenses = true;
  case FlagId::Help:
    return options.help = true;
  }
  return false;
}

void Parser::listNames(uint32_t kind) {
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    if (entry.bindings[i].kind == kind || entry.bindings[i].kind == PHI_STATE)
      errors << ' ' << entry.bindings[i].name;
  errors << '\n';
}

/// NAME=F of --in or --out.
bool Parser::give(const Flag &flag, const char *value) {
  const uint32_t kind = flag.id == FlagId::In ? PHI_INPUT : PHI_RESULT;
  const Text name = nameBefore(value);
  const char *path = value[name.size] == '=' ? value + name.size + 1 : "";
  if (!*path) {
    errors << flag.name << " wants NAME=F, not '" << value << "'\n";
    return false;
  }
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    const phi_binding &binding = entry.bindings[i];
    if (!(name == binding.name) || (binding.kind != kind && binding.kind != PHI_STATE))
      continue;
    const char *&place = flag.id == FlagId::In ? ports[i].from : ports[i].to;
    if (place) {
      errors << "'" << name << "' is given twice, as " << place << " and " << path << '\n';
      return false;
    }
    place = path;
    return true;
  }
  errors << flag.name << ": this graph has no '" << name << "'; it has";
  listNames(kind);
  return false;
}

/// A path without a name: of the only input or result.
bool Parser::giveOnly(uint32_t kind, const char *path) {
  Port *only = nullptr;
  uint32_t count = 0;
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    if (entry.bindings[i].kind == kind) {
      only = &ports[i];
      ++count;
    }
  if (count != 1) {
    errors << (kind == PHI_INPUT ? "this graph has " : "-o: this graph has ") << count
           << (kind == PHI_INPUT ? " inputs; say which one " : " results; say which one ") << path
           << (kind == PHI_INPUT ? " is, --in NAME=F, of" : " is, --out NAME=F, of");
    listNames(kind);
    return false;
  }
  const char *&place = kind == PHI_INPUT ? only->from : only->to;
  if (place) {
    errors << "two files are given for one: " << place << " and " << path << '\n';
    return false;
  }
  place = path;
  return true;
}

/// What --reset sets back.
bool Parser::checkReset() {
  bool hasState = false;
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    if (entry.bindings[i].kind != PHI_STATE)
      continue;
    hasState = true;
    if (options.reset && ports[i].from) {
      errors << "--reset begins state '" << entry.bindings[i].name << "' with zeros, and --in with " << ports[i].from
             << '\n';
      return false;
    }
  }
  if (options.reset && !hasState)
    errors << "--reset: this graph has no state\n";
  return hasState || !options.reset;
}

bool Parser::checkTogether() {
  bool writes = options.streams() || options.stats;
  if (!checkReset())
    return false;
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    const phi_binding &binding = entry.bindings[i];
    writes |= ports[i].to != nullptr;
    if (binding.kind != PHI_INPUT || ports[i].from)
      continue;
    errors << "input '" << binding.name << "' is missing: --in " << binding.name << "=F, "
           << elementName(binding.element) << ' ';
    writeShape(binding, errors);
    errors << '\n';
    return false;
  }
  if (options.streamStages >= 0 && options.streamTimes >= 0) {
    errors << "--stream-stages and --stream-times exclude each other: writing buffers takes time\n";
    return false;
  }
  if (!writes)
    errors << "no result is asked for: -o F, --out NAME=F, or --stats for the time alone\n";
  return writes;
}

} // namespace

bool parseGraphCommandLine(const phi_model &model, int argc, const char *const *argv, Port *ports,
                           GraphProgramOptions *options, Writer &errors) {
  return Parser(model, argc, argv, ports, *options, errors).parse();
}

void printGraphHelp(const phi_model &model, const char *program, Writer &out) {
  constexpr const char *kKinds[] = {"input ", "result", "state "};
  out << model.name << "\n\nusage: " << program << " [INPUT] -o RESULT [flags]\n\n";
  const phi_entry_desc &entry = entryOf(model);
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    const phi_binding &binding = entry.bindings[i];
    out << "  " << kKinds[binding.kind] << ' ' << binding.name << ", " << elementName(binding.element) << ' ';
    writeShape(binding, out);
    if (binding.index_limit)
      out << ", from " << -int64_t(binding.index_limit) << " to " << int64_t(binding.index_limit) - 1;
    out << '\n';
  }
  out << '\n';
  for (const Flag &flag : kFlags)
    printFlag(flag.name, flag.value, flag.help, out);
  out << "\nA file with one more axis in front holds the inputs of so many runs, one after another; its results are\n"
         "written the same way. A state goes on from run to run. An input of one run counts for all.\n"
         "Exit codes: 0 fine, 1 wrong use or not on this machine, 2 the program or its weights are damaged.\n";
}

} // namespace phi
