# golden.py - Logits against the producing tools'
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compares logits with golden files, and prints a table.

    golden.py interpreter --tool build/bin/phic-interpret     the importers and phases, by the meaning of the ops
    golden.py programs    --tool build/bin/phic               compiled programs, --act=f32 --kv=f32 and --act=i8;
                          --interpreter build/bin/phic-interpret   stands in where a tool left no float golden
                          --device cuda           on a device that the programs are given code for, whose library is found

Models come from this folder and, where it is there, from ../shared/models (the form that is in both is taken
from there, since its golden file has more sequences). What is compared with what:

    float golden   the tool's weights in float arithmetic: golden_dequant.npz, golden_float.npz or golden.npz
    tool golden    what the tool's own runtime printed, its activations quantized: golden.npz

f32 must agree with the float golden to 10 times the relative rms that was measured for the form (an f16 graph, whose
intermediates are f32 here: 4 times). i8 may differ from it by 1.5 times what the tool's own runtime does, and by 1.5 times
what was measured. Greedy ids, teacher-forced on the golden's ids, must be equal where the gap of the two greatest f32
logits exceeds 4 times the greatest error measured. A sequence that a golden file lacks is an error.
"""
import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
F32_FACTOR, F16_GRAPH_FACTOR, I8_FACTOR, GREEDY_FACTOR = 10, 4, 1.5, 4
ALL, SHORT, CROSSING = ("chat", "one", "rand24"), ("chat", "rand24"), ("long80", "cross60")


@dataclass
class Model:
    """`f32` and `i8` are the greatest relative rms measured over the sequences, of a program or the interpreter."""
    shared: str                     # below ../shared/models
    f32: float
    i8: float = None                # None: no quantized weights
    here: str = ""                  # below this folder; empty: not committed
    committed: tuple = ("chat",)    # sequences of the golden file there
    factor: float = F32_FACTOR
    float_golden: str = ""          # of another form with the same weights, below the same root
    tool_golden: str = "golden.npz"
    sequences: tuple = ALL
    interpreted: tuple = ()         # those the interpreter is asked for, where all would take long
    crossing: tuple = ()            # f32 programs only: prompts around the length where LongRoPE changes tables

    @property
    def f32_limit(self):
        return self.factor * self.f32


# The forms of the list. A graph whose MatMuls carry accuracy level 4 has golden_float.npz; ONNX Runtime
# computes QDQ MatMuls at that level too and leaves no float golden: there i8, which means the same, is compared.
MODELS = [
    Model("tiny-llama/ort-genai/fp32-cpu", 1.1e-6, here="tiny-llama/ort-genai-fp32"),
    Model("tiny-llama/ort-genai/int4-cpu", 1.1e-6, 2.8e-2, "tiny-llama/ort-genai-int4", committed=ALL),
    Model("tiny-llama/ort-genai/int4-cpu-prunehead", 1.5e-6, 3.1e-2, float_golden="tiny-llama/ort-genai/int4-cpu"),
    Model("tiny-phi2/ort-genai/int4-cpu", 6.1e-7, 1.2e-2),
    Model("tiny-phi3/ort-genai/int4-cpu", 9.4e-7, 2.2e-2),
    Model("tiny-phi3/ort-genai/int4-cpu-asym-bs128", 1.1e-6, 2.3e-2, "tiny-phi3/ort-genai-int4-asym"),
    Model("tiny-phi3/ort-genai/int4-cpu-qdq", 9.6e-7, 2.1e-2, "tiny-phi3/ort-genai-int4-qdq", float_golden="none"),
    Model("tiny-phi4mini/ort-genai/int4-cpu", 1.6e-6, 3.1e-2, sequences=SHORT, crossing=CROSSING),
    Model("tiny-phi35-longrope/ort-genai/int4-cpu", 1.0e-6, 2.3e-2, sequences=SHORT, crossing=CROSSING),
    Model("tiny-phi35-longrope/ort-genai/fp16-cuda", 1.3e-3, here="tiny-phi35-longrope/ort-genai-fp16", factor=F16_GRAPH_FACTOR,
          sequences=SHORT),
    Model("smollm2-135m/ort-genai/int4-cpu", 6.5e-6, 6.6e-2, sequences=("chat", "plain"), interpreted=("plain",)),
    Model("tiny-llama/gguf/F32", 1.2e-6),
    Model("tiny-llama/gguf/Q4_1", 1.2e-6, 3.3e-2, "tiny-llama/gguf-Q4_1"),
    Model("tiny-llama/gguf/Q4_K_M", 1.1e-6, 3.1e-2, "tiny-llama/gguf-Q4_K_M"),
    Model("tiny-phi3/gguf/Q4_0", 8.9e-7, 2.1e-2),
    Model("tiny-phi3/gguf/Q5_0", 8.4e-7, 2.1e-2),
    Model("tiny-phi3/gguf/Q8_0", 8.7e-7, 2.0e-2),
    Model("tiny-phi35-longrope/gguf/F16", 1.8e-6, here="tiny-phi35-longrope/gguf-F16", tool_golden="golden_shortregime.npz",
          sequences=SHORT, crossing=CROSSING),
    Model("tiny-phi35-longrope/gguf/Q4_0", 7.5e-7, 2.3e-2, "tiny-phi35-longrope/gguf-Q4_0", tool_golden="golden_shortregime.npz",
          sequences=SHORT),
    Model("tiny-phi4mini/gguf/Q4_K_M", 1.9e-6, 3.4e-2, tool_golden="golden_shortregime.npz", sequences=SHORT),
    Model("tiny-phi4mini/gguf/Q6_K", 2.7e-6, 2.9e-2, tool_golden="golden_shortregime.npz", sequences=SHORT, crossing=CROSSING),
]


def relative_rms(got, expected):
    return float(np.sqrt(np.square(got.astype(np.float64) - expected).sum() / np.square(expected.astype(np.float64)).sum()))


class Case:
    """One model where it is found, with its golden files."""

    def __init__(self, model, shared):
        self.model, self.path, self.shared = model, None, shared
        self.is_committed = False
        for path in ([os.path.join(shared, model.shared)] if shared else []) + ([os.path.join(HERE, model.here)] if model.here else []):
            if os.path.isdir(path):
                self.path, self.is_committed = path, path.startswith(HERE)
                break
        if self.path is None:
            return
        self.tool = self.load(self.path, model.tool_golden) or self.load(self.path, "golden.npz")
        self.float = None
        if model.float_golden != "none":
            path = os.path.join(shared, model.float_golden) if model.float_golden else self.path
            for name in ("golden_dequant.npz", "golden_float.npz", "golden.npz"):
                self.float = self.float or self.load(path, name)

    @staticmethod
    def load(path, name):
        file = os.path.join(path, name)
        return dict(np.load(file)) if os.path.exists(file) else None

    def name(self):
        return self.model.shared

    def sequences(self):
        return self.model.committed if self.is_committed else self.model.sequences

    def crossing(self):
        return () if self.is_committed else self.model.crossing

    def lacking(self):
        """Sequences that are to be compared and that a golden file lacks."""
        wanted = {*self.sequences(), *self.crossing()}
        return sorted({name for golden in (self.float, self.tool) if golden is not None
                       for name in wanted if name + ".ids" not in golden or name + ".logits" not in golden})

    def ids(self, sequence):
        return (self.float or self.tool)[sequence + ".ids"]

    def logits_of(self, golden, sequence, rows):
        """The golden's logits for `rows` rows of ours: it may keep some positions only, a pruned head the last one."""
        logits, positions = golden[sequence + ".logits"], golden[sequence + ".pos"]
        return (logits[-1:], [0]) if rows == 1 else (logits, positions)

    def distance(self, got, golden, sequence):
        expected, positions = self.logits_of(golden, sequence, len(got))
        picked = got[positions]
        return relative_rms(picked, expected), float(np.abs(picked - expected).max())


class Runner:
    """Gets logits [n, vocab] from the interpreter or a program."""

    def __init__(self, arguments):
        self.tool, self.interpreter, self.scratch = arguments.tool, arguments.interpreter or arguments.tool, arguments.scratch
        self.device = [f"--device={arguments.device}"] if arguments.device else []

    def call(self, command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-600:]}")
        return done.stdout

    def logits(self, command, ids):
        with tempfile.NamedTemporaryFile(suffix=".npy", dir=self.scratch) as file:
            self.call(command + ["--tokens", ",".join(map(str, ids)), "--logits", file.name])
            return np.load(file.name)

    def interpret(self, case, ids, *flags):
        return self.logits([self.interpreter, case.path, *flags], ids)

    def build(self, case, *flags):
        program = os.path.join(self.scratch, case.name().replace("/", "_") + "_".join(flags))
        self.call([self.tool, "build", case.path, "-o", program, *flags, *self.device])
        return program

    def run(self, program, ids):
        return self.logits([program, *self.device], ids)

    def generate(self, program, ids, count):
        printed = self.call([program, *self.device, "--tokens", ",".join(map(str, ids)), "-n", str(count), "--temp", "0", "--ignore-eos", "--print-ids"])
        return [int(word) for word in printed.split()]


class Outcome:
    """Lines of the table, and what is wrong."""

    def __init__(self, case):
        self.case, self.lines, self.errors = case, [], []

    def check(self, condition, what):
        if not condition:
            self.errors.append(f"{self.case.name()}: {what}")

    def row(self, *columns):
        self.lines.append("  ".join([f"{self.case.name():42}"] + [f"{column:>12}" for column in columns]))


def number(value):
    return "-" if value is None else f"{value:.2e}"


def check_interpreter(case, runner):
    out, model = Outcome(case), case.model
    flags = ("--phase", "fuse", "--act", "f32", "--kv", "f32")
    for sequence in case.sequences():
        if model.interpreted and sequence not in model.interpreted:
            continue
        ids, error, quantized = case.ids(sequence), None, None
        if case.float is not None:
            error, _ = case.distance(runner.interpret(case, ids, *flags), case.float, sequence)
            out.check(error <= model.f32_limit, f"{sequence}: relative rms {error:.2e} exceeds {model.f32_limit:.1e}")
        else:
            # Quantized by the same rule as the tool's: equal but where a code falls on the other side of a tie.
            got = runner.interpret(case, ids, "--phase", "fuse", "--act", "i8", "--kv", "f32")
            quantized, _ = case.distance(got, case.tool, sequence)
            out.check(quantized <= 1e-2, f"{sequence}: i8 relative rms {quantized:.2e} exceeds 1e-2")
        out.row(sequence, number(error), number(quantized))
    return out


def greedy_mismatches(runner, program, case, golden, sequence, error, f32_logits=None):
    """Ids that differ from the golden's, teacher-forced, where the f32 gap exceeds 4 times the error; how many were compared."""
    greedy = golden.get(sequence + ".greedy")
    if greedy is None or len(greedy) == 0:
        return 0, 0, None
    ids = np.concatenate([case.ids(sequence), greedy[:-1]])
    got = runner.run(program, ids)
    if len(got) == 1:  # a pruned head computes the last row only
        got, greedy = got, greedy[-1:]
    else:
        got = got[-len(greedy):]
    judged = got if f32_logits is None else f32_logits
    top = np.sort(judged, axis=1)
    clear = top[:, -1] - top[:, -2] > GREEDY_FACTOR * error
    return int((clear & (got.argmax(axis=1) != greedy)).sum()), int(clear.sum()), got


def check_crossing(case, runner, program, out):
    """Beyond the switch, and while generating across it, the program does what recomputing everything does."""
    for sequence in case.crossing():
        ids, greedy = case.ids(sequence), list(case.float[sequence + ".greedy"])
        error, _ = case.distance(runner.run(program, ids), case.float, sequence)
        out.check(error <= case.model.f32_limit, f"{sequence}: f32 relative rms {error:.2e} exceeds {case.model.f32_limit:.1e}")
        same = runner.generate(program, ids, len(greedy)) == greedy
        out.check(same, f"{sequence}: the generated ids differ")
        out.row(sequence, number(error), f"{len(greedy)}/{len(greedy)}" if same else "differ")


def interpreted_golden(case, runner, sequence):
    """The interpreter's logits as a float golden, without greedy ids: the tool's are those of quantized activations."""
    logits = runner.interpret(case, case.ids(sequence), "--phase", "fuse", "--act", "f32", "--kv", "f32")
    return {sequence + ".logits": logits, sequence + ".pos": np.arange(len(logits))}


def check_program(case, runner):
    out, model = Outcome(case), case.model
    f32 = runner.build(case, "--act=f32", "--kv=f32")
    i8 = runner.build(case, "--act=i8") if model.i8 is not None else None
    for sequence in case.sequences():
        ids = case.ids(sequence)
        exact = runner.run(f32, ids)
        golden = case.float if case.float is not None else interpreted_golden(case, runner, sequence)
        error, most = case.distance(exact, golden, sequence)
        out.check(error <= model.f32_limit, f"{sequence}: f32 relative rms {error:.2e} exceeds {model.f32_limit:.1e}")
        wrong, compared, forced = greedy_mismatches(runner, f32, case, golden, sequence, most)
        out.check(wrong == 0, f"{sequence}: {wrong} of {compared} clear f32 greedy ids differ")
        columns = [sequence, number(error), f"{compared - wrong}/{compared}"]
        if i8:
            error, most = case.distance(runner.run(i8, ids), golden, sequence)
            expected, positions = case.logits_of(golden, sequence, len(exact))
            own, _ = case.logits_of(case.tool, sequence, len(exact))
            distance = relative_rms(own, expected if len(own) == len(expected) else expected[positions])
            limit = I8_FACTOR * min(distance, model.i8)
            out.check(error <= limit, f"{sequence}: i8 relative rms {error:.2e} exceeds {limit:.2e}, 1.5 x the tool's or the measured")
            wrong, compared, _ = greedy_mismatches(runner, i8, case, golden, sequence, most, forced)
            out.check(wrong == 0, f"{sequence}: {wrong} of {compared} clear i8 greedy ids differ")
            columns += [number(error), number(distance), f"{compared - wrong}/{compared}"]
        out.row(*columns)
    check_crossing(case, runner, f32, out)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["interpreter", "programs"])
    parser.add_argument("--tool", required=True, help="phic-interpret or phic")
    parser.add_argument("--interpreter", help="phic-interpret, with programs")
    parser.add_argument("--device", default="", help="with programs: where they run; empty: on the processor")
    parser.add_argument("--shared", default=os.path.normpath(os.path.join(HERE, "..", "..", "..", "shared", "models")))
    parser.add_argument("--only", default="", help="models whose name contains one of these, which commas part")
    arguments = parser.parse_args()
    shared = arguments.shared if os.path.isdir(arguments.shared) else None
    cases = [Case(model, shared) for model in MODELS if any(part in model.shared for part in arguments.only.split(","))]
    for case in cases:
        if case.path is None:
            print(f"[SKIP] {case.name()}: neither in test/models nor in ../shared/models")
    check, heads = {"interpreter": (check_interpreter, ("sequence", "f32", "i8/tool")),
                    "programs": (check_program, ("sequence", "f32", "greedy", "i8", "tool", "greedy"))}[arguments.what]
    print("  ".join([f"{'relative rms against the float golden':42}"] + [f"{head:>12}" for head in heads]))

    def guarded(case):
        if lacking := case.lacking():
            out = Outcome(case)
            out.check(False, f"a golden file in {case.path} lacks {', '.join(lacking)}")
            return out
        try:
            return check(case, Runner(arguments))
        except RuntimeError as failure:
            out = Outcome(case)
            out.check(False, str(failure))
            return out

    errors = [f"{case.name()}: {case.model.here} is not there" for case in cases if case.model.here and case.path is None]
    if not any(case.path for case in cases):
        errors.append(f"--only={arguments.only} leaves no model")
    print("".join(f"error: {error}\n" for error in errors), end="")
    with tempfile.TemporaryDirectory(prefix="phic-golden-") as arguments.scratch, ThreadPoolExecutor(2) as pool:
        for out in pool.map(guarded, [case for case in cases if case.path is not None]):
            print("\n".join(out.lines + [f"error: {error}" for error in out.errors]), flush=True)
            errors += out.errors
    print(f"{len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
