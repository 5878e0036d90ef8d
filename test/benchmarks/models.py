#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Speed of whole models: programs of phic, and llama.cpp or ik_llama.cpp on the same GGUF file where its `llama-bench` is found.

    models.py PHIC MODEL... [--threads 1,2] [--rounds N] [--prompt N] [-n N] [--cpu LEVEL] [--llama-bench FILE] [--llama-bench-flags FLAGS] [--json FILE]

Each model is built with phic's defaults. Programs and peers take turns, round by round, and medians are printed: load,
exec to the first token (16 tokens of prompt), decode and prefill in tokens/s, share of the machine's limits as `phic bench`
measures them, peak memory. A model is a GGUF file or a directory of ONNX Runtime GenAI. Nothing is asserted.
"""
import argparse
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

COLUMNS = ["model", "threads", "decode t/s", "of limit", "prefill t/s", "of limit", "first token ms", "peak MiB", "peer decode", "prefill"]
SHORT_PROMPT = 16


def tokens(count):
    """Small ids, which every vocabulary has, in no pattern that repeats."""
    return ",".join(str(100 + i * i * 37 % 4001 % 400) for i in range(count))


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return done


def run_program(program, threads, prompt, count):
    done = run([program, "--tokens", tokens(prompt), "-n", count, "--temp", 0, "--ignore-eos", "--threads", threads, "--print-ids", "--stats=json"])
    return json.loads(done.stderr.strip().splitlines()[-1])


class Runs:
    """One model at one number of threads."""

    def __init__(self, arguments, model, program, threads):
        self.arguments, self.model, self.program, self.threads = arguments, model, program, threads
        self.values = {}

    def note(self, name, value):
        self.values.setdefault(name, []).append(value)

    def round(self):
        decode = run_program(self.program, self.threads, SHORT_PROMPT, self.arguments.n)
        self.note("decode", decode["decode_tokens"] / decode["decode_s"])
        self.note("first_ms", decode["first_token_s"] * 1e3)
        self.note("peak", decode["peak_rss_bytes"] / 2**20)
        prefill = run_program(self.program, self.threads, self.arguments.prompt, 1)
        self.note("prefill", self.arguments.prompt / prefill["prefill_s"])
        if self.arguments.llama_bench and self.model.endswith(".gguf"):
            done = run([self.arguments.llama_bench, "-m", self.model, "-p", self.arguments.prompt, "-n", self.arguments.n, "-t", self.threads, "-r", 1, "-o", "json",
                        *shlex.split(self.arguments.llama_bench_flags)])
            # ik_llama.cpp writes what it loads before.
            for row in json.loads(done.stdout[done.stdout.index("["):]):
                self.note("llama_decode" if row["n_gen"] else "llama_prefill", row["avg_ts"])

    def measure_limits(self):
        done = run([self.arguments.phic, "bench", self.program, "--threads", self.threads, "--prompt-tokens", self.arguments.prompt, "-n", self.arguments.n, "--json"])
        return json.loads(done.stdout)

    def row(self):
        median = {name: statistics.median(values) for name, values in self.values.items()}
        limits = self.measure_limits()
        share = lambda phase: limits.get(phase, {}).get("share_of_limit")
        beside = lambda name, own: f"{median[name]:.1f} ({median[own] / median[name]:.2f}x)" if name in median else "-"
        percent = lambda value: f"{value:.0%}" if value is not None else "-"
        return [os.path.basename(self.model.rstrip("/")), str(self.threads), f"{median['decode']:.1f}", percent(share("decode")),
                f"{median['prefill']:.1f}", percent(share("prefill")), f"{median['first_ms']:.1f}", f"{median['peak']:.1f}",
                beside("llama_decode", "decode"), beside("llama_prefill", "prefill")]


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phic")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--threads", default="1,2", help="numbers of threads (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the prefill (default: 512)")
    parser.add_argument("-n", type=int, default=128, help="tokens decoded (default: 128)")
    parser.add_argument("--llama-bench", default=shutil.which("llama-bench"), help="llama.cpp's benchmark (default: the one in PATH)")
    parser.add_argument("--llama-bench-flags", default="", help="for it: ik_llama.cpp is fastest with '-rtr 1 -fa 1'")
    parser.add_argument("--cpu", help="the CPU level to build for (default: phic's own levels)")
    parser.add_argument("--json", help="also write the runs to this file")
    arguments = parser.parse_args()
    if not arguments.llama_bench:
        print("[SKIP] llama.cpp: no llama-bench in PATH, and --llama-bench names none")
    with tempfile.TemporaryDirectory(prefix="phic-bench-") as folder:
        runs = []
        for i, model in enumerate(arguments.models):
            program = os.path.join(folder, str(i))
            run([arguments.phic, "build", model, "-o", program, "-q", *(["--cpu", arguments.cpu] if arguments.cpu else [])])
            runs += [Runs(arguments, model, program, int(threads)) for threads in arguments.threads.split(",")]
        for number in range(arguments.rounds):
            for one in runs:
                print(f"round {number + 1} of {arguments.rounds}: {one.model}, {one.threads} threads", file=sys.stderr)
                one.round()
        print_table([COLUMNS] + [one.row() for one in runs])
        if arguments.json:
            with open(arguments.json, "w") as file:
                json.dump([{"model": one.model, "threads": one.threads, **one.values} for one in runs], file, indent=1)


main()
