# macho.py - Mach-O programs, byte by byte
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What macOS asks of a program, and what phic promises of one: `complaints` of a file's bytes, none if all is well.
Reads the file by itself, with none of LLVM's code, which wrote it."""
import hashlib
import re
import struct

PAGE, SIGNED_PAGE = 16384, 4096
LIBRARY = "/usr/lib/libSystem.B.dylib"
SEGMENT, SYMTAB, DYSYMTAB, DYLIB, DYLINKER, UUID, SIGNATURE, VERSION = 0x19, 0x2, 0xb, 0xc, 0xe, 0x1b, 0x1d, 0x32
FIXUPS, TRIE, MAIN, ID = 0x80000034, 0x80000033, 0x80000028, 0xd
READ, WRITE, EXECUTE = 1, 2, 4


def text_at(data, at):
    return data[at:data.index(b"\0", at)].decode()


class Segment:
    def __init__(self, data, at):
        name, self.address, self.size, self.offset, self.file_size, self.most, self.rights, count, self.flags = struct.unpack_from("<16s4Q4I", data, at + 8)
        self.name = name.rstrip(b"\0").decode()
        self.sections = {}
        for i in range(count):
            section, _, address, size, offset, align = struct.unpack_from("<16s16s2Q2I", data, at + 72 + 80 * i)
            self.sections[section.rstrip(b"\0").decode()] = (address, size, offset, 1 << align)


class Macho:
    def __init__(self, data):
        self.data = data
        self.magic, self.machine, _, self.kind, count, _, self.flags, _ = struct.unpack_from("<8I", data)
        self.commands, at = [], 32
        for _ in range(count):
            command, size = struct.unpack_from("<2I", data, at)
            self.commands.append((command, at))
            at += size
        self.segments = [Segment(data, at) for command, at in self.commands if command == SEGMENT]

    def all(self, kind):
        return [at for command, at in self.commands if command == kind]

    def segment(self, name):
        return next((segment for segment in self.segments if segment.name == name), None)

    def section(self, name):
        return next((segment.sections[name] for segment in self.segments if name in segment.sections), None)

    def fixups(self):
        """(segment, address, target or None for an import), and the names of what is imported with their places in the file."""
        offset, _ = struct.unpack_from("<2I", self.data, self.all(FIXUPS)[0] + 8)
        _, starts, imports, symbols, count, _, _ = struct.unpack_from("<7I", self.data, offset)
        names = [offset + symbols + (struct.unpack_from("<I", self.data, offset + imports + 4 * i)[0] >> 9) for i in range(count)]
        base = self.segment("__TEXT").address
        pointers = []
        for i in range(struct.unpack_from("<I", self.data, offset + starts)[0]):
            at, = struct.unpack_from("<I", self.data, offset + starts + 4 + 4 * i)
            if not at:
                continue
            _, page_size, form, begin, _, pages = struct.unpack_from("<IHHQIH", self.data, offset + starts + at)
            for page in range(pages):
                first, = struct.unpack_from("<H", self.data, offset + starts + at + 22 + 2 * page)
                place = begin + page * page_size + first
                while first != 0xffff:
                    segment = self.segments[i]
                    file_at = segment.offset + place - (segment.address - base)
                    pointer, = struct.unpack_from("<Q", self.data, file_at)
                    target = (pointer & 0xfffffffff) + (0 if form == 2 else base)
                    pointers.append((segment.name, file_at, None if pointer >> 63 else target))
                    if not pointer >> 51 & 0xfff:
                        break
                    place += 4 * (pointer >> 51 & 0xfff)
        return pointers, names


def header(file, is_program):
    if (file.magic, file.machine, file.kind) != (0xfeedfacf, 0x100000c, 2 if is_program else 6):
        yield "it is no Mach-O file for ARM of that kind"
    if is_program and not file.flags & 0x200000:
        yield "it is not position-independent"
    wanted = [UUID, SIGNATURE, VERSION, FIXUPS, SYMTAB, DYSYMTAB, DYLIB] + ([MAIN, DYLINKER] if is_program else [ID])
    for kind in wanted:
        if len(file.all(kind)) != 1:
            yield f"it has {len(file.all(kind))} load commands {kind:#x}, not 1"
    if any(kind not in wanted + [SEGMENT, TRIE] for kind, _ in file.commands):
        yield "it has a load command that phic does not write"
    platform, oldest = struct.unpack_from("<2I", file.data, file.all(VERSION)[0] + 8)
    if (platform, oldest) != (1, 12 << 16):
        yield "it is not for macOS 12"


def exports(file, _):
    tries = file.all(TRIE)
    if len(tries) != 1 or not struct.unpack_from("<2I", file.data, tries[0] + 8)[1]:
        yield "it has no table of exports"


def entry(file, is_program):
    if is_program:
        main, = struct.unpack_from("<Q", file.data, file.all(MAIN)[0] + 8)
        _, size, offset, _ = file.section("__text")
        if not offset <= main < offset + size:
            yield "it begins outside of its code"


def libraries(file, _):
    for at in file.all(DYLIB):
        name = text_at(file.data, at + struct.unpack_from("<I", file.data, at + 8)[0])
        if name != LIBRARY:
            yield f"it needs the library {name}"


def segments(file, is_program):
    end = 0
    for segment in file.segments:
        if segment.address % PAGE or segment.offset % PAGE or segment.size % PAGE:
            yield f"{segment.name} does not lie on pages"
        if segment.address < end:
            yield f"{segment.name} overlaps another segment"
        if segment.rights & WRITE and segment.rights & EXECUTE or segment.most & WRITE and segment.most & EXECUTE:
            yield f"{segment.name} is writable and executable"
        if segment.rights & ~segment.most or segment.file_size > segment.size:
            yield f"{segment.name} claims more than it may have"
        for name, (address, size, offset, align) in segment.sections.items():
            if address % align or address < segment.address or address + size > segment.address + segment.size:
                yield f"{segment.name},{name} lies outside of its segment"
            elif offset and address - segment.address != offset - segment.offset:
                yield f"{segment.name},{name} is elsewhere in the file than in memory"
        end = segment.address + segment.size
    if file.segments[-1].name != "__LINKEDIT" or file.segments[-1].offset + file.segments[-1].file_size != len(file.data):
        yield "__LINKEDIT is not the end of the file"
    if is_program and (file.segments[0].name, file.segments[0].size, file.segments[0].most) != ("__PAGEZERO", 1 << 32, 0):
        yield "it does not keep the first 4 GiB free"


def weights(file, _):
    segment = file.segment("__PHI")
    if not segment:
        return
    if (segment.rights, segment.most) != (READ, READ):
        yield "the weights are not read-only"
    if set(segment.sections) != {"__weights"} or segment.sections["__weights"][0] % PAGE:
        yield "the weights do not begin a page"


def pointers(file, _):
    found, _ = file.fixups()
    for segment in {segment for segment, _, _ in found} - {"__DATA_CONST", "__DATA"}:
        yield f"the loader would write to {segment}"
    segment = file.segment("__PHI")
    into = [target for _, _, target in found if segment and target is not None and segment.address <= target < segment.address + segment.size]
    if segment and into != [segment.address]:
        yield f"{len(into)} pointers lead into the weights, not 1 to their beginning"


def imports_of(file):
    return {text_at(file.data, at) for at in file.fixups()[1]}


def stub_symbols(path):
    with open(path) as stub:
        return set(re.findall(r"\b_\w+", stub.read().split("symbols:")[1]))


def signature(file, is_program):
    offset, size = struct.unpack_from("<2I", file.data, file.all(SIGNATURE)[0] + 8)
    blob = file.data[offset:offset + size]
    magic, length, count, slot, at = struct.unpack_from(">5I", blob)
    if (magic, length, count, slot) != (0xfade0cc0, size, 1, 0) or offset + size != len(file.data) or offset % 16:
        yield "the signature is not the end of the file"
        return
    (magic, length, _, flags, hashes, name, special, pages, limit, hash_size, hash_type, _, page_bits) = struct.unpack_from(">9I4B", blob, at)
    if (magic, length, flags, special, hash_size, hash_type, page_bits) != (0xfade0c02, size - at, 0x20002, 0, 32, 2, 12):
        yield "the signature is not an ad-hoc one of SHA-256 hashes"
    if limit != offset or pages != -(-offset // SIGNED_PAGE) or not text_at(blob, at + name).startswith("phic."):
        yield "the signature is of another file"
    base, text_size, kind = struct.unpack_from(">3Q", blob, at + 64)
    if (base, text_size, kind) != (0, file.segment("__TEXT").file_size, is_program):
        yield "the signature says wrongly where the code is"
    for page in range(pages):
        got = hashlib.sha256(file.data[page * SIGNED_PAGE:min((page + 1) * SIGNED_PAGE, offset)]).digest()
        if got != blob[at + hashes + 32 * page:at + hashes + 32 * (page + 1)]:
            yield f"page {page} is not what was signed"


def complaints(data, stub, is_program=True):
    file = Macho(data)
    found = [text for check in (header, exports, entry, libraries, segments, weights, pointers, signature) for text in check(file, is_program)]
    return found + [f"it imports {name}" for name in sorted(imports_of(file) - stub_symbols(stub))]
