//===- GraphProgram.cpp - What a graph's program does ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maps the inputs' files, lays out all memory in one block, runs the graph as often as the files say, and writes
// results as they come.
//===----------------------------------------------------------------------===//
#include "GraphProgram.h"

#include "CommandLine.h"
#include "Flags.h"
#include "GraphCommandLine.h"
#include "GraphSession.h"
#include "Model.h"
#include "Os.h"
#include "StageStream.h"

#include <string.h>

namespace phi {
namespace {

/// Weights and inputs are read where they lie in their files, as long as the graph runs.
void onShortenedFile() { endWith("an input's file, or the weights', was cut short while it was read\n", kExitUsage); }

class GraphProgram {
public:
  GraphProgram(const phi_model &constants, Console console, double begun)
      : constants(constants), entry(entryOf(constants)), console(console), out(console.out), errors(console.err),
        begun(begun) {}

  int run(int argc, const char *const *argv) {
    const int code = runAsAsked(argc, argv);
    closeModel(&opened);
    return closeOutputs(out, errors, code);
  }

private:
  int runAsAsked(int argc, const char *const *argv);
  bool openInputs();
  bool agreeOnRuns(const phi_binding &binding, const NpyArray &array);
  bool checkOutputs();
  bool createOutputs();
  SessionOptions wantedSession();
  void layOut(Layout *layout);
  bool start();
  bool runAll();
  bool giveInputs(int64_t index);
  void dropInputs(int64_t index);
  bool write(uint32_t kind);
  bool finish(bool done);
  void printStats();
  bool fail(Text what) {
    errors << what << '\n';
    return false;
  }
  bool failDevice() {
    explainGraph(session, errors);
    errors << '\n';
    return false;
  }
  template <typename Function> bool forEachPort(Function function) {
    for (uint32_t i = 0; i < entry.binding_count; ++i)
      if (!function(entry.bindings[i], ports[i]))
        return false;
    return true;
  }

  const phi_model &constants;
  const phi_entry_desc &entry;
  Console console;
  Writer out, errors;
  NoteLines lines{errors, console.err};
  Notes notes; ///< nobody listens where standard error is to be one object, or another program reads stages
  const double begun; ///< when the process did
  OpenModel opened = {};
  GraphProgramOptions options;
  Port *ports = nullptr;  ///< [entry.binding_count]
  GraphSession session = {};
  StageStream stream;
  int64_t runs = 1;
  bool hasRuns = false;
  double seconds = 0, firstSeconds = 0; ///< in runs; in the first
  double loaded = 0; ///< from the process's beginning to the first run's
};

/// How often the graph runs is what the inputs with an axis of runs say; they must agree.
bool GraphProgram::agreeOnRuns(const phi_binding &binding, const NpyArray &array) {
  if (!array.hasRuns)
    return true;
  if (binding.kind == PHI_STATE)
    return fail("a state begins in one way only; its file has an axis of runs");
  if (hasRuns && runs != array.runs) {
    errors << "input '" << binding.name << "' is of " << array.runs << " runs, another one of " << runs << '\n';
    return false;
  }
  runs = array.runs;
  return hasRuns = true;
}

bool GraphProgram::openInputs() {
  return forEachPort([&](const phi_binding &binding, Port &port) {
    return !port.from || (openNpy(port.from, binding, &port.array, errors) && agreeOnRuns(binding, port.array));
  });
}

bool isSameFile(const char *path, const char *other) {
  os::FileId id, otherId;
  return os::idOfFile(path, &id) && os::idOfFile(other, &otherId) && id.device == otherId.device &&
         id.inode == otherId.inode;
}

/// Nothing that is read is written to.
bool GraphProgram::checkOutputs() {
  char program[os::kPathBytes];
  const bool isKnown = os::fileOf(&constants, program, sizeof(program));
  return forEachPort([&](const phi_binding &, Port &output) {
    if (output.to &&
        ((isKnown && isSameFile(output.to, program)) || (opened.path[0] && isSameFile(output.to, opened.path)))) {
      errors << output.to << " is this program or its weights; write the result elsewhere\n";
      return false;
    }
    return !output.to || forEachPort([&](const phi_binding &, Port &other) {
      if (other.from && isSameFile(output.to, other.from)) {
        errors << output.to << " is an input; write the result elsewhere\n";
        return false;
      }
      return true;
    });
  });
}

/// Nothing is written twice, however it is spelled: a file that is there tells.
bool GraphProgram::createOutputs() {
  return forEachPort([&](const phi_binding &binding, Port &port) {
    if (!port.to)
      return true;
    const bool isFree = forEachPort(
        [&](const phi_binding &, Port &other) { return other.results.file < 0 || !isSameFile(port.to, other.to); });
    if (!isFree) {
      errors << port.to << " is given for two results\n";
      return false;
    }
    bool isStacked = hasRuns && binding.kind == PHI_RESULT;
    if (createNpy(&port.results, port.to, binding, runs, isStacked))
      return true;
    errors << "cannot write " << port.to << ": " << os::lastError() << '\n';
    return false;
  });
}

SessionOptions GraphProgram::wantedSession() {
  SessionOptions wanted = {};
  wanted.threads = int32_t(options.threads);
  wanted.hook = options.streams() ? streamHook(&stream) : StageHook{};
  return wanted;
}

void GraphProgram::layOut(Layout *layout) {
  if (options.streamTimes >= 0)
    stream.times = layout->take<uint64_t>(opened.code.plan().stage_count);
  layoutGraph(&session, layout, opened.code, wantedSession());
  forEachPort([&](const phi_binding &binding, Port &port) {
    port.memory = binding.kind == PHI_STATE ? nullptr : layout->take(1, bytesOf(binding));
    if (port.memory && binding.kind == PHI_RESULT)
      takeResult(&session, binding, port.memory);
    return true;
  });
}

/// Takes the memory and starts the threads: the last allocation of the program.
bool GraphProgram::start() {
  if (!options.threads)
    options.threads = os::physicalCores();
  Layout layout;
  layOut(&layout);
  uint64_t bytes = layout.size;
  layout = {};
  layout.base = os::reserve(bytes);
  if (!layout.base)
    return fail("not enough memory");
  layOut(&layout);
  if (opened.code.device().isHost)
    os::makePagesLarge(session.frame.arena, opened.code.plan().arena_bytes);
  stream.device = &session.device;
  stream.file = int(options.streamTimes >= 0 ? options.streamTimes : options.streamStages);
  if (options.streams())
    beginStream(&stream, /*context=*/1);
  const phi_status status = startGraph(&session);
  if (status == PHI_NO_THREADS)
    return fail("the system allows no more threads; a smaller --threads needs fewer");
  if (status != PHI_OK)
    return failDevice();
  tellAnnouncement(session.device, notes);
  return forEachPort([&](const phi_binding &binding, Port &port) {
    if (binding.kind != PHI_STATE || !port.from)
      return true;
    uint8_t *state = stateOf(&session, binding);
    if (!state)
      return failDevice();
    memcpy(state, port.array.data, size_t(bytesOf(binding)));
    return true;
  });
}

/// Read where they lie in their files, as the library reads them where they lie in its caller's memory; copied where a file does not align
/// them, and indices, so that those that are used are those that were looked at, whoever writes to the file.
bool GraphProgram::giveInputs(int64_t index) {
  return forEachPort([&](const phi_binding &binding, Port &port) {
    const uint64_t bytes = bytesOf(binding);
    if (binding.kind != PHI_INPUT)
      return true;
    const uint8_t *data = port.array.data + (port.array.hasRuns ? uint64_t(index) * bytes : 0);
    if (binding.index_limit || uintptr_t(data) % elementBytes(binding.element)) {
      memcpy(port.memory, data, size_t(bytes));
      data = port.memory;
    }
    uint64_t wrong = 0;
    int64_t value = 0;
    if (hasIndices(binding, data, &wrong, &value)) {
      giveInput(&session, binding, data);
      return true;
    }
    writeWrongIndex(binding, wrong, value, errors);
    errors << '\n';
    return false;
  });
}

/// What a run has read of its files need not stay in memory.
void GraphProgram::dropInputs(int64_t index) {
  forEachPort([&](const phi_binding &binding, Port &port) {
    if (port.array.hasRuns)
      os::dropPages(port.array.data + uint64_t(index) * bytesOf(binding), size_t(bytesOf(binding)));
    return true;
  });
}

/// Of the bindings of a kind.
bool GraphProgram::write(uint32_t kind) {
  return forEachPort([&](const phi_binding &binding, Port &port) {
    if (binding.kind != kind || port.results.file < 0)
      return true;
    const uint8_t *data = kind == PHI_STATE ? stateOf(&session, binding) : port.memory;
    if (!data)
      return failDevice();
    return os::writeAll(port.results.file, data, size_t(bytesOf(binding))) ||
           fail("cannot write the results: the disk is full");
  });
}

bool GraphProgram::runAll() {
  for (int64_t i = 0; i < runs; ++i) {
    if (!giveInputs(i))
      return false;
    if (options.reset)
      resetGraph(&session);
    const double from = os::now();
    if (!runGraph(&session))
      return failDevice();
    seconds += os::now() - from;
    if (i == 0) {
      firstSeconds = seconds;
      loaded = from - begun;
    }
    if (!write(PHI_RESULT))
      return false;
    dropInputs(i);
  }
  return write(PHI_STATE);
}

/// Outputs are there whole, or not at all.
bool GraphProgram::finish(bool done) {
  forEachPort([&](const phi_binding &, Port &port) {
    if (done && port.results.file >= 0 && !port.results.keep())
      done = fail("cannot write the results: the disk is full");
    port.results.discard();
    closeNpy(&port.array);
    return true;
  });
  return done;
}

void GraphProgram::printStats() {
  if (options.statsJson) {
    errors << "{\"model\": ";
    (errors.quoted(constants.name) << ", \"runs\": " << runs << ", \"run_s\": ").fixed(seconds / double(runs), 9);
    (errors << ", \"first_run_s\": ").fixed(firstSeconds, 9);
    (errors << ", \"load_s\": ").fixed(loaded, 9);
    errors << ", \"threads\": " << options.threads << ", \"device\": \"" << opened.code.device().name
           << "\", \"cpu_variant\": \"" << opened.code.variant->name
           << "\", \"peak_rss_bytes\": " << os::peakResidentBytes() << "}\n";
  } else if (options.stats) {
    (errors << runs << (runs == 1 ? " run, " : " runs, ")).fixed(seconds / double(runs) * 1e3, 3) << " ms each; ";
    writeRunner(opened.code, options.threads, errors);
    errors << '\n';
  }
}

int GraphProgram::runAsAsked(int argc, const char *const *argv) {
  guardOutputs();
  os::onMissingPage(onDamagedFile);
  if (checkVersion(constants, errors) != PHI_OK) {
    errors << '\n';
    return kExitDamaged;
  }
  ports = reinterpret_cast<Port *>(os::reserve(entry.binding_count * sizeof(Port)));
  if (!ports)
    return fail("not enough memory"), kExitUsage;
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    ports[i] = Port();
  if (!parseGraphCommandLine(constants, argc, argv, ports, &options, errors))
    return kExitUsage;
  if (options.help || options.version) {
    options.help ? printGraphHelp(constants, argv[0], out) : printVersion(constants, out);
    return kExitFine;
  }
  if (options.licenses) {
    out << kLicenses;
    return kExitFine;
  }
  if (options.listDevices) {
    listDevices(constants, out);
    return kExitFine;
  }
  if (!options.statsJson && !options.streams())
    notes = lines.notes();
  const CodeChoice choice = {options.device, options.cpuVariant, "--device", notes};
  phi_status status = openModel(&opened, constants, {options.weights, nullptr, 0}, errors, choice);
  if (status == PHI_OK)
    status = loadModel(&opened, needOfGraph(opened.code, wantedSession()), notes, errors);
  if (status != PHI_OK) {
    errors << '\n';
    return status == PHI_NO_WEIGHTS ? kExitDamaged : kExitUsage;
  }
  os::onMissingPage(onShortenedFile); // the last page of the weights was there
  if (!openInputs() || !checkOutputs() || !start())
    return kExitUsage;
  bool done = createOutputs() && runAll();
  if (options.streams() && !endStream(&stream) && done)
    done = fail("cannot write the stream of stages: its reader is gone");
  stopGraph(&session);
  done = finish(done);
  if (done)
    printStats();
  return done ? kExitFine : kExitUsage;
}

} // namespace

int runGraphProgram(const phi_model &model, int argc, const char *const *argv, Console console, double start) {
  return GraphProgram(model, console, start).run(argc, argv);
}

} // namespace phi
