#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `--prompt-lookup` gains on texts that repeat their prompt, and costs on one that does not.

    prompt_lookup.py PROGRAM [--guesses 0,1,3,7] [--threads 2] [--rounds N] [-n N]

The prompts are the files of prompts/. Runs take turns, round by round, and medians are printed: tokens/s, and of the guesses how
many came true. All runs of a prompt are greedy and must give the same text.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

PROMPTS = sorted(pathlib.Path(__file__).with_name("prompts").glob("*.txt"))


def run(program, prompt, guesses, arguments):
    """-> (tokens/s, "right of guessed", text)"""
    command = [program, prompt, "--temp", 0, "-n", arguments.n, "--threads", arguments.threads, "--prompt-lookup", guesses, "--stats=json"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program}: exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    stats = json.loads(done.stderr.strip().splitlines()[-1])
    return stats["decode_tokens"] / stats["decode_s"], f"{stats.get('confirmed_tokens', 0)} of {stats.get('guessed_tokens', 0)}", done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--guesses", default="0,1,3,7", help="most guesses of a step, to be compared with the first (default: 0,1,3,7)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-n", type=int, default=200, help="tokens generated (default: 200)")
    arguments = parser.parse_args()
    guesses = [int(text) for text in arguments.guesses.split(",")]
    for path in PROMPTS:
        speeds, right, texts = {}, {}, set()
        for _ in range(arguments.rounds):
            for most in guesses:
                speed, right[most], text = run(arguments.program, path.read_text(), most, arguments)
                speeds.setdefault(most, []).append(speed)
                texts.add(text)
        if len(texts) != 1:
            sys.exit(f"{path.name}: the text depends on --prompt-lookup")
        median = {most: statistics.median(values) for most, values in speeds.items()}
        for most in guesses:
            print(f"{path.stem:12} --prompt-lookup {most}  {median[most]:8.1f} tokens/s  {median[most] / median[guesses[0]]:5.2f}x  right: {right[most]}")


main()
