//===- Program.cpp - What a model binary does --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the command line and the prompt, opens the model, lays out
// all memory in one block, then answers: once, or line by line in a chat.
//===----------------------------------------------------------------------===//
#include "Program.h"

#include "CommandLine.h"
#include "Flags.h"
#include "LogitsFile.h"
#include "Model.h"
#include "Os.h"
#include "Output.h"
#include "Prompt.h"
#include "PromptLookup.h"
#include "Sampler.h"
#include "Session.h"
#include "StageStream.h"
#include "Stats.h"

namespace phi {
namespace {

/// Set by Ctrl-C: a signal handler cannot be given anything.
volatile int32_t interrupted = 0;

void onFirstInterrupt() {
  if (interrupted) {
    discardUnfinished();
    os::exitNow(kExitInterrupted);
  }
  interrupted = 1;
}

class Program {
public:
  Program(const phi_model &constants, Console console, double start)
      : constants(constants), console(console), out(console.out), errors(console.err) {
    stats.start = start;
  }

  int run(int argc, const char *const *argv) {
    const int code = runAsAsked(argc, argv);
    closeModel(&opened);
    return closeOutputs(out, errors, code);
  }

private:
  int runAsAsked(int argc, const char *const *argv);
  int openWeights();
  int load();
  void complete();
  SessionOptions wantedSession();
  void layOut(Layout *layout);
  bool start();
  bool encode();
  const char *logitsClash();
  bool openLogits();
  int32_t nextToken(int64_t row);
  bool answer();
  bool decodeTokens(int32_t id, int64_t limit);
  bool answerOnce();
  bool chat();
  bool isStop(int32_t id) const;
  bool fail(Text what) {
    errors << what << '\n';
    return false;
  }
  bool failDevice() {
    explainFailure(session, errors);
    errors << '\n';
    return false;
  }

  const phi_model &constants;
  OpenModel opened = {};
  const phi_model &model = opened.model;
  Console console;
  Writer out, errors;
  NoteLines lines{errors, console.err};
  Notes notes; ///< nobody listens where standard error is to be one object, or another program reads stages
  ProgramOptions options;
  int64_t context = 0;
  bool isFull = false;  ///< the last message did not fit the context
  Prompt prompt = {};
  Session session = {};
  Sampler sampler = {};
  bool toldNonFinite = false;
  PromptLookup lookup = {};
  Output output = {};
  StageStream stream;
  LogitsFile logits;
  Stats stats;
};

//===----------------------------------------------------------------------===//
// Before the first token
//===----------------------------------------------------------------------===//

/// The exit code of a failure, else 0.
int Program::openWeights() {
  if (options.stats != StatsKind::Json && !options.streams())
    notes = lines.notes();
  const CodeChoice choice = {options.device, options.cpuVariant, "--device", notes};
  phi_status status = openModel(&opened, constants, {options.weights, nullptr, 0}, errors, choice);
  if (status == PHI_OK)
    return load();
  errors << '\n';
  return status == PHI_NO_WEIGHTS ? kExitDamaged : kExitUsage;
}

/// Brings code and weights to where they run, once it is known what sessions will take there. The exit code of a failure, else 0.
int Program::load() {
  complete();
  if (loadModel(&opened, needOf(opened.code, wantedSession()), notes, errors) != PHI_OK) {
    errors << '\n';
    return kExitUsage;
  }
  if (console.isMapped && !constants.sidecar && !opened.code.device().isHost)
    os::dropPages(model.weights, model.weights_bytes);
  return kExitFine;
}

/// Fills in what the command line left open.
void Program::complete() {
  bool nothingGiven = !options.prompt && !options.hasTokens() && !options.raw && !options.logits;
  if (nothingGiven && model.chat && os::isTerminal(console.in))
    options.interactive = true;
  if (options.count < 0)
    options.count = options.logits ? 0 : INT64_MAX;
  if (!options.threads)
    options.threads = os::physicalCores();
  if (!options.seeded)
    options.sampler.seed = os::randomSeed() >> 1; // a number that --seed takes
  context = options.context ? options.context : model.context_default;
}

SessionOptions Program::wantedSession() {
  SessionOptions wanted = {};
  wanted.context = context;
  wanted.threads = int32_t(options.threads);
  wanted.logitRows = options.logits && !model.pruned_head ? opened.code.plan().chunk_rows : options.promptLookup + 1;
  wanted.onSparse = os::keepPagesSmall;
  wanted.hook = options.streams() ? streamHook(&stream) : StageHook{};
  return wanted;
}

void Program::layOut(Layout *layout) {
  if (options.streamTimes >= 0)
    stream.times = layout->take<uint64_t>(opened.code.plan().stage_count);
  layoutPrompt(&prompt, layout, context);
  layoutSampler(&sampler, layout, model.vocab, options.sampler);
  layoutOutput(&output, layout, model.tokenizer ? &prompt.tokenizer : nullptr, options.printIds, options.stops,
               options.stopCount);
  layoutSession(&session, layout, opened.code, wantedSession());
}

/// Takes the memory and starts the threads: the last allocation of a run.
bool Program::start() {
  Layout layout;
  layOut(&layout);
  uint64_t bytes = layout.size;
  bool addressable = !layout.overflow;
  layout = {};
  layout.base = addressable ? os::reserve(bytes) : nullptr;
  if (!layout.base) {
    constexpr uint64_t kMiB = 1 << 20;
    errors << "not enough memory: a context of " << context << " tokens takes " << (bytes + kMiB - 1) / kMiB
           << " MiB; a smaller --ctx takes less\n";
    return false;
  }
  layOut(&layout);
  session.interrupted = &interrupted;
  stream.device = &session.device;
  stream.file = int(options.streamTimes >= 0 ? options.streamTimes : options.streamStages);
  if (options.streams())
    beginStream(&stream, session.frame.context);
  phi_status status = startSession(&session);
  if (status == PHI_NO_THREADS)
    return fail("the system allows no more threads; a smaller --threads needs fewer");
  if (status != PHI_OK)
    return failDevice();
  tellAnnouncement(session.device, notes);
  os::onInterrupt(onFirstInterrupt);
  stats.loaded = os::now() - stats.start;
  return true;
}

//===----------------------------------------------------------------------===//
// Answers
//===----------------------------------------------------------------------===//

/// The ids of the prompt or message, and room for them and for what was asked for.
bool Program::encode() {
  if (!encodePrompt(&prompt, errors))
    return false;
  int64_t sequence = session.length + prompt.idCount;
  isFull = sequence > context;
  if (isFull) {
    errors << (options.interactive ? "the conversation is " : "the prompt is ") << sequence
           << " tokens long, but the context is " << context << " tokens (--ctx)\n";
    return false;
  }
  // The last token generated needs no place of its own: nothing follows it.
  if (!options.interactive && options.count > 0 && options.count < INT64_MAX &&
      sequence + options.count - 1 > context) {
    errors << "-n " << options.count << " after a prompt of " << sequence << " tokens needs a context of "
           << sequence + options.count - 1 << " tokens, but it is " << context << " (--ctx)\n";
    return false;
  }
  noteTokens(&sampler, prompt.ids, prompt.idCount);
  return true;
}

/// What else the file of --logits is to this run, which it must not be; nullptr: nothing.
const char *Program::logitsClash() {
  os::FileId logitsId, other;
  if (!os::idOfFile(options.logits, &logitsId))
    return nullptr;
  auto is = [&](bool known) { return known && other.device == logitsId.device && other.inode == logitsId.inode; };
  char program[os::kPathBytes];
  if (is(os::fileOf(&constants, program, sizeof(program)) && os::idOfFile(program, &other)))
    return "this program";
  if (is(opened.path[0] && os::idOfFile(opened.path, &other)))
    return "the file of the weights";
  if (is(options.tokensFile && os::idOfFile(options.tokensFile, &other)))
    return "the file of the prompt's tokens";
  if (is(os::idOfFile(console.in, &other)))
    return "what standard input is read from";
  if (is(options.count && os::idOfFile(console.out, &other)))
    return "where the answer goes";
  if (is(options.streams() && os::idOfFile(stream.file, &other)))
    return "where the stages are written to";
  return nullptr;
}

bool Program::openLogits() {
  if (const char *clash = options.logits ? logitsClash() : nullptr) {
    errors << "cannot write --logits " << options.logits << ": it is " << clash << "; choose another name\n";
    return false;
  }
  if (!options.logits || logits.open(options.logits, model.pruned_head ? 1 : prompt.idCount, model.vocab))
    return true;
  errors << "cannot write --logits " << options.logits << ": " << os::lastError() << '\n';
  return false;
}

/// From a row of logits of the last step. What is chosen among numbers that are none is told once.
int32_t Program::nextToken(int64_t row) {
  float *logits = session.logits + row * int64_t(model.vocab);
  const int32_t id = sample(&sampler, logits);
  if (logits[id] - logits[id] != 0 && !toldNonFinite) {
    errors
        << "warning: the model's logits are not finite: its weights are not, or its keys and values are more than an "
           "f16 KV cache holds (phic build --kv=f32)\n";
    toldNonFinite = true;
  }
  return id;
}

bool Program::isStop(int32_t id) const { return !options.ignoreEos && isStopToken(model, id); }

/// Prints `id` and further tokens until one stops the answer, `limit` are there or the context is full. False: the
/// device failed.
bool Program::decodeTokens(int32_t id, int64_t limit) {
  double from = os::now(), last = from;
  for (int64_t count = 1;; ++count) {
    prompt.lastId = id;
    bool stop = isStop(id);
    if (stop && !output.printIds)
      break;
    if (!printToken(&output, id, out) || stop || count == limit)
      break;
    if (knownLength(lookup, session) == context) {
      errors << "stopped: the context of " << context << " tokens is full (--ctx)\n";
      break;
    }
    Advance advance = appendGuessing(&lookup, &session, id);
    if (advance == Advance::Failed)
      return failDevice();
    if (advance == Advance::Interrupted)
      break;
    id = nextToken(lookup.right);
    last = os::now();
    ++stats.decodeTokens;
  }
  forgetGuesses(&lookup, &session);
  stats.decode += last - from;
  return true;
}

/// Answers the prompt's ids. False when it could not be done to the end.
bool Program::answer() {
  LogitsSink sink = {
      [](void *file, const float *rows, int64_t count) { return static_cast<LogitsFile *>(file)->write(rows, count); },
      &logits};
  double from = os::now();
  Advance advance = append(&session, prompt.ids, prompt.idCount, options.logits ? &sink : nullptr);
  if (advance == Advance::Failed)
    return failDevice();
  if (advance == Advance::Interrupted && !interrupted)
    errors << "cannot write --logits " << options.logits << ": " << os::lastError() << '\n';
  if (advance == Advance::Interrupted)
    return false;
  int32_t id = options.count ? nextToken(session.logitRows - 1) : -1;
  double known = os::now();
  stats.prefill += known - from;
  stats.prefillTokens += prompt.idCount;
  if (!options.count)
    return true;
  if (stats.firstToken == 0)
    stats.firstToken = known - stats.start;
  beginAnswer(&output, /*continues=*/options.raw);
  bool decoded = decodeTokens(id, options.count);
  endAnswer(&output, out);
  return decoded && !interrupted;
}

bool Program::answerOnce() {
  if (!encode() || !openLogits())
    return false;
  bool done = answer();
  if (!options.logits)
    return done;
  if (done)
    return logits.results.keep() || fail("cannot write --logits: the disk is full");
  logits.results.discard();
  return false;
}

/// A line, an answer, and so on.
bool Program::chat() {
  bool terminal = os::isTerminal(console.in);
  for (bool first = true; !interrupted; first = false) {
    if (first && options.prompt) {
      prompt.text = options.prompt;
    } else {
      errors.flush();
      out << (terminal ? "> " : "");
      Line line = out.flush() ? readLine(&prompt, console.in, terminal, errors) : Line::End;
      if (line == Line::TooLong && terminal)
        continue;
      if (line != Line::Message)
        return line == Line::End;
    }
    if (encode()) {
      if (!answer())
        return false;
      prompt.turn = PHI_ROLE_ASSISTANT;
    } else if (!isFull || prompt.turn == PHI_ROLE_START) {
      return false;
    } else if (!terminal) {
      return true; // what was said stands; a shorter message, which may still fit, can only be asked for
    }
  }
  return true;
}

int Program::runAsAsked(int argc, const char *const *argv) {
  interrupted = 0;
  guardOutputs();
  os::onMissingPage(onDamagedFile);
  if (checkVersion(constants, errors) != PHI_OK) {
    errors << '\n';
    return kExitDamaged;
  }
  if (!parseCommandLine(constants, argc, argv, &options, errors))
    return kExitUsage;
  if (options.help || options.version) {
    options.help ? printHelp(constants, argv[0], out) : printVersion(constants, out);
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
  if (int failure = openWeights())
    return failure;
  if (!openTables(&prompt, model, errors))
    return kExitDamaged;
  // All of them were read just now, and few are needed.
  if (console.isMapped)
    os::dropPages(model.tokenizer, model.tokenizer_bytes);
  lookup.most = lookup.reach = options.promptLookup;
  if (!readPrompt(&prompt, model, options, console.in, errors) || !start())
    return kExitUsage;
  bool done = options.interactive ? chat() : answerOnce();
  if (options.streams() && !endStream(&stream) && done)
    done = fail("cannot write the stream of stages: its reader is gone");
  stopSession(&session);
  if (done || interrupted)
    printStats(stats, session, lookup, options, errors);
  return interrupted ? kExitInterrupted : done ? kExitFine : kExitUsage;
}

} // namespace

int runProgram(const phi_model &model, int argc, const char *const *argv, Console console, double start) {
  return Program(model, console, start).run(argc, argv);
}

} // namespace phi
