//===- CommandLineTest.cpp - Flags, their mistakes, and whole runs -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/CommandLine.h"
#include "FakeModel.h"
#include "runtime/Os.h"
#include "runtime/Program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <csignal>
#include <fstream>
#include <string>
#include <unistd.h>

using namespace phi;
using testing::HasSubstr;

namespace {

std::string drain(int file) {
  std::string all;
  char bytes[4096];
  for (ssize_t got; (got = read(file, bytes, sizeof(bytes))) > 0;)
    all.append(bytes, size_t(got));
  close(file);
  return all;
}

struct Outcome {
  int code;
  std::string out, err;
};

/// A whole run of the fake model's program. Output must fit a pipe.
Outcome run(std::vector<const char *> arguments, const phi_model &model = fake::model()) {
  arguments.insert(arguments.begin(), "prog");
  int in[2], out[2], err[2];
  EXPECT_EQ(pipe(in) + pipe(out) + pipe(err), 0);
  close(in[1]);
  int code = runProgram(model, int(arguments.size()), arguments.data(), {in[0], out[1], err[1]}, os::now());
  close(in[0]);
  close(out[1]);
  close(err[1]);
  Outcome outcome = {code, drain(out[0]), drain(err[0])};
  return outcome;
}

/// The sentence that a mistake gets.
std::string mistake(std::vector<const char *> arguments, const phi_model &model = fake::model()) {
  Outcome outcome = run(std::move(arguments), model);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  return outcome.err;
}

std::string lines(const std::vector<int32_t> &ids) {
  std::string text;
  for (int32_t id : ids)
    text += std::to_string(id) + "\n";
  return text;
}

TEST(Program, PrintsIdsAsTheyCome) {
  EXPECT_EQ(run({"--tokens", "1,2,3", "-n", "5", "--print-ids"}).out, lines(fake::expected({1, 2, 3}, 5)));
  // Without a tokenizer ids are all there is.
  EXPECT_EQ(run({"--tokens=1, 2,\n3", "-n=4"}).out, lines(fake::expected({1, 2, 3}, 4)));
  EXPECT_EQ(run({"--tokens", "1,2,3", "-n", "0"}).out, "");
}

TEST(Program, StopsAtStopIdsAndAtTheContextsEnd) {
  EXPECT_EQ(run({"--tokens", "90,6"}).out, "96\n");
  Outcome outcome = run({"--tokens", "90,6", "--ignore-eos", "--ctx", "10"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, lines(fake::expected({90, 6}, 9)));
  EXPECT_THAT(outcome.err, HasSubstr("the context of 10 tokens is full"));
}

TEST(Program, ReadsATokensFile) {
  std::string path = testing::TempDir() + "tokens.txt";
  std::ofstream(path) << "1,2,3\n";
  EXPECT_EQ(run({"--tokens-file", path.c_str(), "-n", "2"}).out, lines(fake::expected({1, 2, 3}, 2)));
  EXPECT_THAT(mistake({"--tokens-file", "/nonexistent/t"}),
              HasSubstr("cannot open --tokens-file /nonexistent/t: No such file"));
  std::ofstream(path) << "\n";
  EXPECT_THAT(mistake({"--tokens-file", path.c_str()}), HasSubstr("number 1 is ''"));
}

TEST(Program, LogitsAreRemovedWhenIncomplete) {
  EXPECT_THAT(mistake({"--tokens", "1", "--logits", "/nonexistent/l.npy"}),
              HasSubstr("cannot write --logits /nonexistent/l.npy"));
  EXPECT_THAT(mistake({"--tokens", "1,2", "--logits", "/dev/full"}), HasSubstr("cannot write --logits /dev/full"));
}

TEST(Program, TellsTheTimes) {
  Outcome outcome = run({"--tokens", "1,2,3", "-n", "4", "--stats=json", "--threads", "2"});
  EXPECT_THAT(outcome.err, HasSubstr("\"prefill_tokens\": 3"));
  EXPECT_THAT(outcome.err, HasSubstr("\"decode_tokens\": 3"));
  EXPECT_THAT(outcome.err, HasSubstr("\"threads\": 2"));
  EXPECT_THAT(run({"--tokens", "1,2,3", "-n", "4", "--stats"}).err, HasSubstr("prefill 3 tokens"));
}

TEST(Program, CtrlCEndsCleanly) {
  phi_model model = fake::model();
  static const phi_entry code[] = {[](phi_frame *frame, int32_t thread) {
                                     if (frame->past == 5)
                                       raise(SIGINT);
                                     fake::runStages(frame, thread, 'd');
                                   },
                                   fake::kCode[1], fake::kCode[2]};
  static const phi_variant variant = {"fake", &fake::kPlan, 0, code, nullptr, 0};
  model.variants = &variant;
  model.variant_count = 1;
  Outcome outcome = run({"--tokens", "1,2,3", "--threads", "1", "--ignore-eos", "--stats=json"}, model);
  EXPECT_EQ(outcome.code, 130);
  EXPECT_EQ(outcome.out, lines(fake::expected({1, 2, 3}, 4)));
  EXPECT_THAT(outcome.err, HasSubstr("\"decode_tokens\": 3"));
}

TEST(CommandLine, SuggestsFlags) {
  EXPECT_EQ(mistake({"--token", "1"}), "unknown flag --token; did you mean --tokens?\n");
  EXPECT_EQ(mistake({"--print_ids"}), "unknown flag --print_ids; did you mean --print-ids?\n");
  EXPECT_EQ(mistake({"--frobnicate"}), "unknown flag --frobnicate; --help lists all\n");
  EXPECT_EQ(mistake({"-x"}), "unknown flag -x; --help lists all\n");
}

TEST(CommandLine, NamesTheFlagAndTheValue) {
  EXPECT_EQ(mistake({"--threads", "0", "--tokens", "1"}), "--threads wants a whole number from 1 to 1024, not '0'\n");
  EXPECT_EQ(mistake({"--prompt-lookup", "8", "--tokens", "1"}),
            "--prompt-lookup wants a whole number from 0 to 7, not '8'\n");
  EXPECT_EQ(mistake({"-n", "many"}), "-n wants a whole number from 0 to 2147483647, not 'many'\n");
  EXPECT_EQ(mistake({"--temp", "-1"}), "--temp wants a number from 0 to 100, not '-1'\n");
  EXPECT_EQ(mistake({"--top-p=1.5"}), "--top-p wants a number from 0 to 1, not '1.5'\n");
  EXPECT_EQ(mistake({"--ctx", "129"}), "--ctx wants a whole number from 1 to 128, not '129'\n");
  EXPECT_EQ(mistake({"--tokens"}), "--tokens wants a value: --tokens IDS\n");
  EXPECT_EQ(mistake({"--raw=1"}), "--raw takes no value, but got '1'\n");
  EXPECT_EQ(mistake({"--stats=xml"}), "--stats takes 'json' or nothing, not 'xml'\n");
}

TEST(CommandLine, ChecksTokenIds) {
  EXPECT_EQ(mistake({"--tokens", "1,x,3"}), "--tokens wants token ids separated by commas, but number 2 is 'x'\n");
  EXPECT_EQ(mistake({"--tokens", "1,97"}), "--tokens: token id 97 is out of range; this model has 97 tokens\n");
  EXPECT_EQ(mistake({"--tokens", "-1"}), "--tokens: token id -1 is out of range; this model has 97 tokens\n");
  EXPECT_EQ(mistake({"--tokens", ""}), "--tokens holds no token id\n");
}

TEST(CommandLine, LengthsAreSaidInNumbers) {
  EXPECT_EQ(mistake({"--tokens", "1,2,3,4,5", "--ctx", "4"}),
            "the prompt is 5 tokens long, but the context is 4 tokens (--ctx)\n");
  EXPECT_EQ(mistake({"--tokens", "1,2,3", "--ctx", "4", "-n", "3"}),
            "-n 3 after a prompt of 3 tokens needs a context of 5 tokens, but it is 4 (--ctx)\n");
  EXPECT_EQ(run({"--tokens", "1,2,3", "--ctx", "4", "-n", "2"}).code, 0);
}

TEST(CommandLine, RefusesWhatDoesNotGoTogether) {
  EXPECT_THAT(mistake({"--tokens", "1", "--tokens-file", "f"}), HasSubstr("both give the prompt"));
  EXPECT_THAT(mistake({"hello", "--tokens", "1"}), HasSubstr("cannot be used together"));
  EXPECT_THAT(mistake({"hello", "world"}), HasSubstr("put a prompt of several words in quotes"));
  EXPECT_THAT(mistake({"-i", "--tokens", "1"}), HasSubstr("-i chats in text"));
  EXPECT_THAT(mistake({"--system", "x", "--raw", "hello"}), HasSubstr("--system is a message"));
}

TEST(CommandLine, SaysWhatTheProgramLacks) {
  EXPECT_THAT(mistake({"hello"}), HasSubstr("built without a tokenizer; give it token ids with --tokens"));
  EXPECT_THAT(mistake({"--tokens", "1", "--stop", "x"}), HasSubstr("built without a tokenizer"));
}

TEST(CommandLine, SaysWhatTheProcessorLacks) {
  phi_model model = fake::model();
  model.variant_count = 1;
  EXPECT_EQ(mistake({"--tokens", "1"}, model),
            "this model needs a processor with impossible; this one lacks an unknown feature\n");
}

TEST(CommandLine, SaysWhatAPrunedHeadCannotDo) {
  phi_model model = fake::model();
  model.pruned_head = 1;
  EXPECT_EQ(mistake({"--prompt-lookup", "7", "--tokens", "1"}, model),
            "this model computes the logits of the last token alone; --prompt-lookup cannot be used\n");
}

TEST(CommandLine, RefusesAnotherFormat) {
  phi_model model = fake::model();
  model.version = 99;
  EXPECT_EQ(run({"--version"}, model).code, 2);
}

TEST(CommandLine, DefaultsComeFromTheModel) {
  phi_model model = fake::model();
  model.generation = {0.5f, 0.75f, 0.25f, 40, 1.25f};
  ProgramOptions options;
  Writer nowhere(-1);
  const char *plain[] = {"prog", "--tokens", "1"}, *greedy[] = {"prog", "--tokens", "1", "--temp", "0"};
  ASSERT_TRUE(parseCommandLine(model, 3, plain, &options, nowhere));
  EXPECT_EQ(options.sampler.temperature, 0.5);
  EXPECT_EQ(options.sampler.topP, 0.75);
  EXPECT_EQ(options.sampler.topK, 40);
  EXPECT_EQ(options.sampler.repetitionPenalty, 1.25);
  ASSERT_TRUE(parseCommandLine(model, 5, greedy, &options, nowhere));
  EXPECT_EQ(options.sampler.repetitionPenalty, 1);
}

TEST(CommandLine, HelpNamesEveryFlag) {
  std::string help = run({"--help"}).out;
  for (const char *flag : {"-i ",         "--system TEXT", "--raw",          "-n N",         "--temp T",
                           "--top-k K",   "--top-p P",     "--min-p P",      "--seed S",     "--ctx N",
                           "--threads N", "--stop TEXT",   "--ignore-eos",   "--tokens IDS", "--tokens-file F",
                           "--logits F",  "--print-ids",   "--stats[=json]", "--version",    "--help"})
    EXPECT_THAT(help, HasSubstr(flag));
}

} // namespace
