# checks.py - What cuda.sh does on a machine with a GPU
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Cheap checks first: instructions, then logits, memory errors, compiling; speed last, as long as there is time.

    checks.py FOLDER [--minutes N] [--scratch FOLDER] [--shapes NAME,...] [--prompts N,...]
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import npy  # noqa: E402

EDGE = 4096
BLOCK = 1 << 26  # of random bytes, which a sidecar repeats
GENERATED = 128
REPETITIONS = 3
GOAL_OVERHEAD, GOAL_BANDWIDTH, GOAL_TENSOR = 2e-6, 0.75, 0.5
# A GPU's logits may be this much further from the tool's than the stand-in's are: approximate functions differ in last bits.
SLACK, LEAST_ERROR = 1.5, 1e-5


class Checks:
    def __init__(self, folder, flags):
        self.folder, self.flags = folder, flags
        self.end = time.monotonic() + 60 * flags.minutes
        self.results, self.failures = {}, []
        with open(self.path("facts.json")) as file:
            self.facts = json.load(file)

    def path(self, name):
        return os.path.join(self.folder, name)

    def left(self):
        return self.end - time.monotonic()

    def run(self, *words, **how):
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=max(self.left(), 1), **how)

    def say(self, name, good, words):
        """good: None says that nothing was judged."""
        print(f"{'-' if good is None else 'ok' if good else 'FAILED':6} {name}: {words}", flush=True)
        self.results.setdefault(name, []).append({"good": good, "said": words})
        if good is False:
            self.failures.append(name)

    def machine(self):
        """False: there is no GPU to check."""
        if shutil.which("nvidia-smi"):
            query = "name,driver_version,compute_cap,memory.total,clocks.max.mem,clocks.max.sm"
            self.say("machine", None, self.run("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader").stdout.strip())
        lines = self.run(self.path(self.facts["programs"][0]["name"]), "--list-devices").stdout.splitlines()
        line = next((line for line in lines if line.startswith("cuda")), "no code for CUDA")
        self.say("device", "lacks" not in line and line.startswith("cuda"), line)
        return not self.failures

    def instructions(self):
        done = self.run(self.path("device_instructions"), env=dict(os.environ, PHIC_CUDA_TESTS=self.folder + "/"))
        lines = [line for line in done.stdout.splitlines() if "FAILED" in line or "PASSED" in line or "SKIPPED" in line]
        with open("instructions.log", "w") as file:
            file.write(done.stdout + done.stderr)
        self.say("instructions", done.returncode == 0, "; ".join(lines)[:2000] or done.stderr[:2000])

    def goldens(self):
        for program in self.facts["programs"]:
            for sequence in program["sequences"]:
                self.golden(program["name"], sequence)

    def golden(self, name, sequence):
        words = [self.path(name), "--device=cuda", "--tokens", sequence["ids"]]
        with tempfile.TemporaryDirectory() as folder:
            logits = os.path.join(folder, "logits.npy")
            done = self.run(*words, "--logits", logits)
            if done.returncode:
                return self.say("logits", False, f"{name}: {done.stderr.strip()}")
            got = npy.read(logits)
        wanted, emulated = npy.read(self.path(sequence["golden"])), npy.read(self.path(sequence["emulator"]))
        error, limit = npy.difference(got, wanted), max(SLACK * sequence["emulator_error"], LEAST_ERROR)
        beside = "bit-equal to the emulator's" if got == emulated else f"{npy.difference(got, emulated):.2e} from the emulator's"
        self.say("logits", error <= limit, f"{name}, {len(sequence['ids'].split(','))} tokens: {error:.2e} from the tool's, {beside}")
        tokens = self.run(*words, "-n", len(sequence["tokens"]), "--temp", "0", "--ignore-eos", "--print-ids").stdout.split()
        self.say("tokens", len(tokens) == len(sequence["tokens"]),
                 f"{name}: {'as on the emulator' if tokens == sequence['tokens'] else 'others than on the emulator: ' + ' '.join(tokens)}")

    def sanitizer(self):
        tool = shutil.which("compute-sanitizer") or next(
            (path for path in ("/usr/local/cuda/bin/compute-sanitizer",) if os.access(path, os.X_OK)), None)
        if not tool:
            return self.say("compute-sanitizer", None, "not installed")
        for check in ("memcheck", "racecheck", "synccheck", "initcheck"):
            program = self.facts["programs"][2]
            done = self.run(tool, "--tool", check, "--error-exitcode", "9", self.path(program["name"]), "--device=cuda", "--tokens",
                            program["sequences"][0]["ids"], "-n", "3", "--temp", "0", "--ignore-eos", "--print-ids")
            self.say("compute-sanitizer", done.returncode == 0, f"{check}: {(done.stdout + done.stderr).strip().splitlines()[-1:]}")

    def compiling(self):
        """From the text to code of the GPU: once, then from the driver's cache."""
        name = self.facts["programs"][2]["name"]
        with tempfile.TemporaryDirectory() as cache:
            times = []
            for _ in range(2):
                began = time.monotonic()
                done = self.run(self.path(name), "--device=cuda", "--tokens", "1", "-n", "1", "--print-ids",
                                env=dict(os.environ, CUDA_CACHE_PATH=cache))
                times.append(time.monotonic() - began)
                if done.returncode:
                    return self.say("compiling", False, done.stderr.strip())
        self.say("compiling", None, f"{name}: {times[0]:.2f} s to the first token when the driver compiles, {times[1]:.2f} s after that")

    def limits(self):
        """Bytes and multiply-adds a second of this GPU."""
        done = self.run(self.path("device_limits"), self.path("limits.ptx"), self.path("tensors.ptx"))
        if done.returncode:
            return self.say("limits", False, done.stderr.strip() or done.stdout.strip()) or {}
        found = json.loads(done.stdout)
        self.say("limits", None, ", ".join(f"{value:.3g} {name}" for name, value in found.items()))
        return found

    def fill(self, shape, path):
        """A sidecar of small positive floats and any codes, the same each time."""
        source = random.Random(shape["name"])
        small = bytes(byte & 0x3B for byte in range(256))
        block = source.randbytes(min(BLOCK, shape["weights"])).translate(small)
        with open(path, "wb") as file:
            with open(self.path(shape["name"] + ".head"), "rb") as head:
                file.write(head.read())
            left = shape["weights"]
            while left:
                file.write(block[:left])
                left -= min(left, len(block))
            with open(self.path(shape["name"] + ".tail"), "rb") as tail:
                file.write(tail.read())

    def speed(self, shape, limits):
        name, size = shape["name"], shape["weights"] + 2 * EDGE
        if shutil.disk_usage(self.flags.scratch).free < size + (1 << 28):
            return self.say("speed", None, f"{name}: {self.flags.scratch} has no room for {size >> 20} MiB; --scratch names another folder")
        if self.left() < 30 + size / 1e9 * 8:
            return self.say("speed", None, f"{name}: no time left; --minutes or --shapes={name}")
        with tempfile.TemporaryDirectory(dir=self.flags.scratch) as folder:
            self.fill(shape, os.path.join(folder, shape["sidecar"]))
            program = shutil.copy(self.path(name), folder)
            runs = {prompt: self.measure(program, shape, prompt) for prompt in map(int, self.flags.prompts.split(","))}
        for prompt, best in runs.items():
            if isinstance(best, str):
                return self.say("speed", False, f"{name}: {best}")
            self.report(shape, prompt, best, limits)

    def measure(self, program, shape, prompt):
        """The best of a few runs, or what went wrong."""
        source, best = random.Random(prompt), None
        tokens = ",".join(str(source.randrange(shape["vocab"])) for _ in range(prompt))
        for _ in range(REPETITIONS):
            done = self.run(program, "--device=cuda", "--tokens", tokens, "-n", GENERATED, "--ctx", prompt + GENERATED, "--temp", "0", "--ignore-eos",
                            "--print-ids", "--stats=json")
            if done.returncode:
                return done.stderr.strip()
            stats = json.loads(done.stderr.strip().splitlines()[-1])
            if not best or stats["decode_s"] < best["decode_s"]:
                best = stats
        return best

    def report(self, shape, prompt, stats, limits):
        name = shape["name"]
        decode, prefill = stats["decode_s"] / stats["decode_tokens"], stats["prefill_s"]
        self.results.setdefault("stats", {})[f"{name} {prompt}"] = stats
        size = shape["decode_bytes"] + shape["bytes_a_position"] * (prompt + GENERATED / 2)
        rate = size / decode
        words = f"{name} after {prompt} tokens: decode {1 / decode:.1f} tokens/s, {rate / 1e9:.0f} GB/s"
        if limits:
            overhead = (decode - size / limits["bytes_per_s"]) / shape["stages"]
            words += (f", {rate / limits['bytes_per_s']:.0%} of this GPU's (goal {GOAL_BANDWIDTH:.0%} on 14b), "
                      f"{overhead * 1e6:.1f} us a stage beyond reading (goal {GOAL_OVERHEAD * 1e6:.0f})")
        self.say("speed", None, words)
        work = shape["multiply_adds_a_token"] * stats["prefill_tokens"] / prefill
        words = f"{name}, {prompt} tokens: prefill {stats['prefill_tokens'] / prefill:.0f} tokens/s, {work / 1e12:.1f} T multiply-adds/s"
        if limits.get("tensor_multiply_adds_per_s"):
            words += f", {work / limits['tensor_multiply_adds_per_s']:.0%} of this GPU's tensor cores (goal {GOAL_TENSOR:.0%})"
        self.say("speed", None, words)

    def all(self):
        if not self.machine():
            return 1
        self.instructions()
        self.goldens()
        self.sanitizer()
        self.compiling()
        limits = self.limits()
        wanted = self.flags.shapes.split(",") if self.flags.shapes else None
        for shape in self.facts["shapes"]:
            if not wanted or shape["name"] in wanted:
                self.speed(shape, limits)
        return 1 if self.failures else 0


def main():
    parser = argparse.ArgumentParser(prog="cuda.sh")
    parser.add_argument("folder", help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--scratch", default=tempfile.gettempdir(), help="folder for weights, some gigabytes")
    parser.add_argument("--shapes", help="those alone, separated by commas")
    parser.add_argument("--prompts", default="512,2048", help="lengths of prompts that speed is measured after")
    flags = parser.parse_args()
    checks = Checks(os.path.abspath(flags.folder), flags)
    try:
        code = checks.all()
    except subprocess.TimeoutExpired as late:
        checks.say("time", False, f"{flags.minutes} minutes are over: {late.cmd[0]}")
        code = 1
    with open("results.json", "w") as file:
        json.dump({"version": checks.facts["version"], **checks.results}, file, indent=1)
    print(f"{'FAILED: ' + ', '.join(sorted(set(checks.failures))) if checks.failures else 'all is well'}; results.json has it all")
    sys.exit(code)


if __name__ == "__main__":
    main()
