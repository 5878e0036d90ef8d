//===- ConversationTest.cpp - Whole runs with text ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program with a real tokenizer and a model that says what the test wants:
// what the user sees, and what the model was given.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/Tokenizer.h"
#include "runtime/Os.h"
#include "runtime/Program.h"
#include "runtime/Tokenizer.h"
#include "runtime/devices/Device.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <cstring>
#include <fcntl.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

using namespace phi;
using testing::HasSubstr;

namespace {

std::vector<int32_t> script;  ///< what the model says, answer after answer
size_t said;
std::vector<int32_t> given;   ///< the sequence as the model saw it
uint32_t vocab;

void speak(const phi_frame *frame, const int64_t *, int64_t, int64_t, uint8_t *) {
  given.resize(size_t(frame->past));
  auto *tokens = reinterpret_cast<const int32_t *>(frame->bindings[0]);
  given.insert(given.end(), tokens, tokens + frame->rows);
  if (frame->logit_row0 == frame->rows)
    return;
  auto *logits = reinterpret_cast<float *>(frame->bindings[1]);
  std::memset(logits, 0, vocab * sizeof(float));
  logits[said < script.size() ? script[said] : 0] = 1;
  ++said;
}

void entry(phi_frame *frame, int32_t thread) { phi_run_stage(frame, thread, 0, speak, nullptr, 1); }

constexpr phi_entry kEntry = entry;

struct Outcome {
  int code;
  std::string out, err;
};

std::string drain(int file) {
  std::string all;
  char bytes[4096];
  for (ssize_t got; (got = read(file, bytes, sizeof(bytes))) > 0;)
    all.append(bytes, size_t(got));
  close(file);
  return all;
}

/// Waits for the reader where there is no room.
void writeAll(int file, const std::string &text) {
  for (size_t at = 0; at < text.size();)
    at += size_t(write(file, text.data() + at, text.size() - at));
}

class Conversation : public testing::Test {
protected:
  void use(const char *name) {
    auto result = phic::compileTokenizer(std::string(PHIC_TEST_DIR) + "/runtime/tokenizers/" + name);
    ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
    compiled = std::move(*result);
    ASSERT_TRUE(openTokenizer(compiled.tables.data(), compiled.tables.size(), &tokenizer));
    vocab = compiled.idLimit;
    script.clear();
    said = 0;
    given.clear();
  }

  std::vector<int32_t> ids(const std::string &text) {
    TextPart part = {reinterpret_cast<const uint8_t *>(text.data()), text.size(), /*control=*/true};
    std::vector<uint64_t> work(encodeWorkBytes(tokenizer, &part, 1) / 8 + 1);
    std::vector<int32_t> found(4 * text.size() + 8);
    found.resize(
        size_t(encode(tokenizer, &part, 1, EncodeContinue, found.data(), found.size(), work.data(), work.size() * 8)));
    return found;
  }

  std::string text(const std::vector<int32_t> &of) {
    Decoder decoder;
    decoder.special = decoder.continues = true;
    std::vector<uint8_t> bytes(decodeBound(tokenizer));
    std::string all;
    for (int32_t id : of)
      all.append(reinterpret_cast<char *>(bytes.data()), decode(tokenizer, &decoder, id, bytes.data()));
    return all;
  }

  /// The model's next answer, with the token that ends it.
  void say(const std::string &answer) {
    for (int32_t id : ids(answer))
      script.push_back(id);
  }

  Outcome run(std::vector<const char *> arguments, const std::string &input = "") {
    int in[2];
    EXPECT_EQ(pipe(in), 0);
    EXPECT_EQ(write(in[1], input.data(), input.size()), ssize_t(input.size()));
    close(in[1]);
    return runOn(in[0], std::move(arguments));
  }

  /// With this file as standard input, which it closes.
  Outcome runOn(int in, std::vector<const char *> arguments) {
    const int64_t rowsShape[] = {PHI_DIM_ROWS}, logitsShape[] = {PHI_DIM_LOGIT_ROWS, vocab};
    const phi_binding bindings[] = {{"ids", rowsShape, 1, PHI_I32, PHI_INPUT, 0, 0, 0},
                                    {"logits", logitsShape, 2, PHI_F32, PHI_RESULT, 1, 1, 0}};
    const phi_entry_desc speaks = {"prefill", bindings, 2, 2, 0};
    static const phi_stage_desc stage = {"speak", nullptr, 0, 1};
    static const phi_plan plan = {&phi_device_cpu, 0, 0, 0, 0, 0, &stage, 1, /*chunk_rows=*/8, /*context_step=*/32, 0};
    static const phi_variant variant = {"fake", &plan, 0, &kEntry, nullptr, 0};
    alignas(64) static constexpr phi_weights_trailer weights = {0, 0, {}, PHI_WEIGHTS_MAGIC};
    phi_model model = {};
    model.size = sizeof(phi_model);
    model.version = PHI_FORMAT_VERSION;
    model.name = "parrot";
    model.phic_version = "test";
    model.vocab = vocab;
    model.context_max = model.context_default = 512;
    model.weights = reinterpret_cast<const uint8_t *>(&weights);
    model.variants = &variant;
    model.variant_count = 1;
    model.entries = &speaks;
    model.entry_count = 1;
    model.tokenizer = compiled.tables.data();
    model.tokenizer_bytes = compiled.tables.size();
    model.chat = compiled.chat.empty() ? nullptr : compiled.chat.data();
    model.chat_bytes = compiled.chat.size();
    model.stop_ids = compiled.stopIds.data();
    model.stop_id_count = uint32_t(compiled.stopIds.size());
    model.generation = {0, 1, 0, 0, 1};

    int out[2], err[2];
    EXPECT_EQ(pipe(out) + pipe(err), 0);
    arguments.insert(arguments.begin(), "prog");
    arguments.insert(arguments.end(), {"--threads", "1"});
    int code = runProgram(model, int(arguments.size()), arguments.data(), {in, out[1], err[1]}, os::now());
    close(in);
    close(out[1]);
    close(err[1]);
    std::string printed = drain(out[0]);
    return {code, printed, drain(err[0])};
  }

  phic::CompiledTokenizer compiled;
  Tokenizer tokenizer;
};

TEST_F(Conversation, APromptBecomesAUsersMessage) {
  use("smollm");
  say("The sky is blue.<|im_end|>");
  Outcome outcome = run({"Why is the sky blue?", "--system", "Be brief."});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "The sky is blue.\n");
  EXPECT_THAT(
      text(given),
      testing::StartsWith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhy is the sky blue?<|im_end|>\n"
                          "<|im_start|>assistant\n"));
}

TEST_F(Conversation, EveryTurnSeesAllBeforeIt) {
  use("smollm");
  say("Hello!<|im_end|>");
  say("I am a parrot.<|im_end|>");
  Outcome outcome = run({"-i"}, "Hi\nWho are you?\n");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "Hello!\nI am a parrot.\n");
  std::string seen = text(given);
  EXPECT_THAT(seen, HasSubstr("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n"
                              "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\nI am a parrot."));
}

TEST_F(Conversation, AnAnswerCutShortIsEndedByTheTemplate) {
  use("smollm");
  say("One two three");
  Outcome outcome = run({"-i", "-n", "2"}, "Count\nGo on\n");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  std::string twoTokens = text({script.begin(), script.begin() + 2});
  EXPECT_THAT(text(given),
              HasSubstr("<|im_start|>assistant\n" + twoTokens + "<|im_end|>\n<|im_start|>user\nGo on<|im_end|>"));
}

/// The template's next text may begin with the token that the answer happened to end in.
TEST_F(Conversation, AnAnswerThatEndsInTextOfTheTemplateIsEndedAsWell) {
  use("smollm");
  script = {ids(" word").front(), ids("<|im_end|>\n")[1]};
  const char *const lengths[] = {"-n", "2"}, *const stops[] = {"--stop", "\n"};
  for (const char *const *flags : {lengths, stops}) {
    said = 0;
    Outcome outcome = run({"-i", flags[0], flags[1]}, "Count\nGo on\n");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(text(given), HasSubstr("assistant\n" + text(script) + "<|im_end|>\n<|im_start|>user\nGo on<|im_end|>"))
        << flags[0];
  }
}

TEST_F(Conversation, ALongLineIsOneMessage) {
  use("smollm");
  say("Long.<|im_end|>");
  std::string line;
  while (line.size() < 60000) // as much as a pipe holds without a reader
    line += "             ";
  line.resize(60000);
  Outcome outcome = run({"-i"}, line + "\n");
  EXPECT_EQ(outcome.code, 1); // of a context of 512 tokens
  EXPECT_THAT(outcome.err, HasSubstr("the conversation is"));
  EXPECT_EQ(outcome.out, "");
}

TEST_F(Conversation, ALineBeyondAllContextsIsNotSent) {
  use("smollm");
  say("Hello!<|im_end|>");
  int in[2];
  ASSERT_EQ(pipe(in), 0);
  std::thread writer([&] {
    writeAll(in[1], "Hi\n" + std::string(200000, 'x') + "\nNext\n");
    close(in[1]);
  });
  Outcome outcome = runOn(in[0], {"-i"});
  writer.join();
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "Hello!\n");
  EXPECT_EQ(outcome.err, "this line is not sent: it has more than 65536 bytes, too many for this context (--ctx)\n");
}

/// A terminal cuts a long line without a word; whatever may have been cut is not sent, and the chat goes on.
TEST_F(Conversation, ALineThatATerminalMayHaveCutIsNotSent) {
  use("smollm");
  say("Hello!<|im_end|>");
  int controller = posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_TRUE(controller >= 0 && grantpt(controller) == 0 && unlockpt(controller) == 0);
  int terminal = open(ptsname(controller), O_RDWR | O_NOCTTY);
  termios settings;
  ASSERT_EQ(tcgetattr(terminal, &settings), 0);
  settings.c_lflag &= tcflag_t(~ECHO);
  ASSERT_EQ(tcsetattr(terminal, TCSANOW, &settings), 0);
  std::thread writer([&] { writeAll(controller, std::string(5000, 'x') + "\nHi\n\n"); });
  Outcome outcome = runOn(terminal, {"-i"});
  writer.join();
  close(controller);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "> > Hello!\n> ");
  EXPECT_EQ(outcome.err,
            "this line is not sent: it has more than 4094 bytes, which a terminal may have cut; long ones can "
            "come from a pipe\n");
}

TEST_F(Conversation, AFullContextEndsAChatInOrder) {
  use("smollm");
  script.assign(100, ids(" word").front());
  std::string lines;
  for (int i = 0; i < 20; ++i)
    lines += "And more?\n";
  Outcome outcome = run({"-i", "-n", "5", "--ctx", "128", "--stats"}, lines);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the conversation is "));
  EXPECT_THAT(outcome.err, HasSubstr("threads"));
  EXPECT_THAT(outcome.out, testing::StartsWith(text({script.begin(), script.begin() + 5}) + "\n"));
}

TEST_F(Conversation, RawTextGoesOn) {
  use("smollm");
  say(" upon a time<|im_end|>");
  Outcome outcome = run({"--raw", "Once"});
  EXPECT_EQ(outcome.out, " upon a time\n");
  EXPECT_THAT(text(given), testing::StartsWith("Once"));
}

TEST_F(Conversation, ThePromptMayComeFromStandardInput) {
  use("smollm");
  say("Yes.<|im_end|>");
  EXPECT_EQ(run({}, "Is it\nso?").out, "Yes.\n");
  EXPECT_THAT(text(given), HasSubstr("user\nIs it\nso?<|im_end|>"));
}

TEST_F(Conversation, AStopTextIsNeverPrinted) {
  use("smollm");
  say("one two three four<|im_end|>");
  EXPECT_EQ(run({"Count", "--stop", "three"}).out, "one two \n");
}

TEST_F(Conversation, SpecialTokensTypedByTheUserStayText) {
  use("smollm");
  say("No.<|im_end|>");
  run({"a<|im_end|>b"});
  int32_t end = ids("<|im_end|>").front();
  EXPECT_EQ(std::count(given.begin(), given.end(), end), 2);  // of the system and the user message
}

TEST_F(Conversation, OutputIsValidAtEveryMoment) {
  use("smollm");
  std::vector<int32_t> emoji = ids("\xf0\x9f\xa6\x9c");  // several tokens
  ASSERT_GT(emoji.size(), 1u);
  script = emoji;
  EXPECT_EQ(run({"Draw", "-n", std::to_string(emoji.size()).c_str()}).out, "\xf0\x9f\xa6\x9c\n");
  said = 0;
  EXPECT_EQ(run({"Draw", "-n", "1"}).out, "\xef\xbf\xbd\n");
}

TEST_F(Conversation, InvalidInputIsRead) {
  use("smollm");
  say("?<|im_end|>");
  Outcome outcome = run({"a\xff\xfe z"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "?\n");
  EXPECT_THAT(text(given), HasSubstr("a\xef\xbf\xbd\xef\xbf\xbd z"));
}

TEST_F(Conversation, LengthsAreSaidInNumbers) {
  use("smollm");
  std::string longText;
  for (int i = 0; i < 600; ++i)
    longText += " word";
  Outcome outcome = run({"--raw", longText.c_str()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err,
              testing::MatchesRegex("the prompt is [0-9]+ tokens long, but the context is 512 tokens .--ctx.\n"));
}

TEST_F(Conversation, ATemplateMayHaveNoSystemMessage) {
  use("codegen");
  EXPECT_THAT(run({"Hi"}).err, HasSubstr("chat template"));
  EXPECT_EQ(run({"--raw", "Hi", "-n", "1"}).code, 0);
}

TEST_F(Conversation, OtherTemplatesWorkToo) {
  for (const char *name : {"spm", "o200k"}) {
    use(name);
    say("Blue.<|end|>");
    say("Green.<|end|>");
    Outcome outcome = run({"-i"}, "Sky?\nGrass?\n");
    EXPECT_EQ(outcome.code, 0) << name << outcome.err;
    EXPECT_EQ(outcome.out, "Blue.\nGreen.\n") << name;
    std::string seen = text(given);
    EXPECT_THAT(seen, HasSubstr("<|end|>")) << name;
    EXPECT_EQ(seen.find("<|end|><|end|>"), std::string::npos) << name << seen;
  }
}

} // namespace
