#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""runpaths.py CLANG FOLDER...: no binary below the folders looks for libraries in the working directory.

An empty or relative entry of RPATH or RUNPATH, and a relative path of a needed library, mean the folder in which a user
happens to be: code of a downloaded model's folder would run. Each folder must hold a phic and its library. First a
planted binary of each kind must be found."""
import pathlib
import struct
import subprocess
import sys
import tempfile

LOAD, DYNAMIC = 1, 2  # program headers
NEEDED, STRTAB, RPATH, RUNPATH = 1, 5, 15, 29  # entries of the dynamic section
PATHS = {RPATH: "RPATH", RUNPATH: "RUNPATH"}


def dynamic_entries(data):
    """(tag, value) of a 64-bit little-endian ELF file, and its segments as (address, offset, bytes)."""
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    loads = [(address, at, length) for kind, _, at, address, _, length in headers if kind == LOAD]
    entries = [pair for kind, _, at, _, _, length in headers if kind == DYNAMIC
               for pair in struct.iter_unpack("<QQ", data[at:at + length // 16 * 16])]
    return entries, loads


def strings(data):
    """(tag, text) of what names libraries or folders of them."""
    entries, loads = dynamic_entries(data)
    table = next((value for tag, value in entries if tag == STRTAB), None)
    place = next((at + table - address for address, at, length in loads
                  if table is not None and address <= table < address + length), None)
    for tag, value in entries:
        if tag == NEEDED or tag in PATHS:
            begin = place + value
            yield tag, data[begin:data.index(b"\0", begin)].decode()


def offences(data):
    for tag, text in strings(data):
        if tag == NEEDED:
            if "/" in text and not text.startswith("/"):
                yield f"needs {text}, a path from the working directory"
            continue
        for entry in text.split(":"):
            if not entry.startswith(("/", "$ORIGIN")):
                yield f"{PATHS[tag]} '{text}' has the {'relative' if entry else 'empty'} entry '{entry}'"


def is_elf(data):
    return data[:6] == b"\x7fELF\x02\x01" and data[16:18] in (b"\x02\x00", b"\x03\x00")


def binaries(folder):
    """Programs and shared libraries; links are followed where they name files. The Python environment is not phic's, and what fuzzers
    found is no program."""
    for path in sorted(folder.rglob("*")):
        if any(part == "venv" or part.endswith(".found") for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        with path.open("rb") as file:
            if is_elf(file.read(64)):
                yield path


def check_planted(clang):
    """The check finds each kind of offence, and nothing in a good binary."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = pathlib.Path(folder, "empty.c"), pathlib.Path(folder, "libempty.so")
        source.write_text("int phi_empty;\n")

        def found(*flags):
            subprocess.run([clang, "-x", "c", "-shared", "-nostdlib", "-fuse-ld=lld", str(source), "-o", str(library), *flags], check=True)
            return list(offences(library.read_bytes()))

        good = "-Wl,-rpath,$ORIGIN/../lib:/usr/lib"
        planted = [["-Wl,-rpath,/usr/lib:"], ["-Wl,-rpath,:/usr/lib"], ["-Wl,-rpath,/usr::/lib"], ["-Wl,-rpath,lib"],
                   ["-Wl,-rpath,./lib", "-Wl,--disable-new-dtags"]]
        wrong = [flags for flags in planted if len(found(*flags)) != 1]
        if found(good):
            wrong.append([good])
        # A library without a soname is needed by the path that the linker was given.
        pathlib.Path(folder, "sub").mkdir()
        unnamed = pathlib.Path(folder, "sub", "libunnamed.so")
        subprocess.run([clang, "-x", "c", "-shared", "-nostdlib", "-fuse-ld=lld", str(source), "-o", str(unnamed)], check=True)
        subprocess.run([clang, "-x", "c", "-shared", "-nostdlib", "-fuse-ld=lld", "empty.c", "-x", "none", "sub/libunnamed.so", "-o",
                        "libempty.so", "-Wl,--no-as-needed"], check=True, cwd=folder)
        if len(list(offences(library.read_bytes()))) != 1:
            wrong.append(["sub/libunnamed.so"])
        return [f"planted {' '.join(flags)}: not told from what is right" for flags in wrong]


def main():
    clang, *folders = sys.argv[1:]
    failures, count = check_planted(clang), 0
    for folder in map(pathlib.Path, folders):
        read = list(binaries(folder))
        count += len(read)
        failures += [f"{folder} has no {name}" for name in ("bin/phic", "lib/libphic.so") if folder / name not in read]
        failures += [f"{path}: {what}" for path in read for what in offences(path.read_bytes())]
    print("\n".join(failures + [f"{count} binaries, {len(failures)} failures"]))
    return 1 if failures or not folders else 0


if __name__ == "__main__":
    sys.exit(main())
