# corpus_table.py - What real graphs cost
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints, for the graphs of corpus_models.py: seconds of processor time to build them; code; weights, arena, and what one run in a
process of its own takes above both (inputs, results, code; less than nothing where it does not read all weights); the
processor time of that process, without a run's; and the time of a run on one thread beside what the machine allows ('phic bench', whose
limit is what 'phic check' predicts). Run by hand: numbers are printed, never asserted.

    corpus_table.py PHIC FOLDER [NAME...]        FOLDER: as of corpus.py
"""
import json
import os
import resource
import struct
import sys

import numpy as np

from corpus import Corpus, NoNetwork, command
from corpus_models import MODELS

MIB = float(1 << 20)


def code_bytes(program):
    """Of the segment that is executed: kernels of all levels, and the runtime."""
    with open(program, "rb") as file:
        header = file.read(64)
        start, size, count = struct.unpack_from("<Q", header, 32)[0], *struct.unpack_from("<HH", header, 54)
        file.seek(start)
        segments = [struct.unpack_from("<IIQQQQQQ", file.read(size)) for _ in range(count)]
    return sum(segment[5] for segment in segments if segment[0] == 1 and segment[1] & 1)


def processor_time():
    """Of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one_run(corpus, model, program):
    """What --stats says of a single run in a process of its own, on one thread, and its processor time."""
    words, feed = [], model.feeds()
    for i, name in enumerate(name for name in model.inputs if name not in model.constants and name not in model.states.values()):
        path = corpus.folder / f"{model.name}.table.{i}.npy"
        np.save(path, feed[name])
        words += ["--in", f"{name}={path}"]
    begin = processor_time()
    done = command(program, *words, "--threads=1", "--stats=json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr), processor_time() - begin


def row_of(corpus, model):
    path = corpus.file(model)
    program, begin = path.with_suffix(""), processor_time()
    if stopped := corpus.build(path, model.flags()):
        return f"{model.name:22} {stopped}"
    seconds = processor_time() - begin
    (plan,) = json.loads(command(corpus.phic, "inspect", "--json", program).stdout)["plans"]
    once, whole = one_run(corpus, model, program)
    bench = json.loads(command(corpus.phic, "bench", program, "--json", "--threads=1").stdout)["run"]
    above = once["peak_rss_bytes"] - plan["weight_bytes"] - plan["arena_bytes"]
    start = whole - bench["seconds"]
    return (f"{model.name:22} {seconds:7.1f} {code_bytes(program) / len(plan['variants']) / 1024:9.0f} {plan['weight_bytes'] / MIB:8.1f}"
            f" {plan['arena_bytes'] / MIB:7.1f} {above / MIB:7.1f} {start * 1e3:9.1f} {bench['seconds'] * 1e3:9.2f}"
            f" {bench['limit_seconds'] * 1e3:9.2f} {bench['share_of_limit']:6.0%}")


def main():
    corpus, names = Corpus(*sys.argv[1:3]), sys.argv[3:]
    print(f"{'':22} {'build s':>7} {'KiB/level':>9} {'weights':>8} {'arena':>7} {'+ MiB':>7} {'start ms':>9} {'run ms':>9} {'limit ms':>9} {'share':>6}")
    for model in MODELS:
        if not names or model.name in names:
            try:
                print(row_of(corpus, model), flush=True)
            except NoNetwork as reason:
                print(f"{model.name:22} [SKIP] {reason}")


if __name__ == "__main__":
    os.environ.pop("PHIC_CACHE_DIR", None)
    main()
