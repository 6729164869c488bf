#!/usr/bin/python3
"""Looks for what is left of secrets: in files, in the environment and arguments of all processes, in memory.

    residue.py    standard input: {"stem": TEXT, "pids": [PID…]}; standard output: what scan_processes() returns

All secrets of a test begin with one random stem, so that looking for the stem in all its forms finds any of them. It is
looked for piece by piece: who frees memory often overwrites the first bytes of a text and leaves the others.
Memory of processes that are not dumpable is root's to read: without that right the program asks sudo for it.
"""
import base64
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys

PIECE = 8
STEM = 2 * PIECE  # what a letter has room for


def make_stem():
    return "".join(secrets.choice("0123456789") for _ in range(STEM))


def make_secret(stem):
    return stem + "".join(secrets.choice("0123456789") for _ in range(2))


def in_base64(data):
    """The characters that DATA alone decides, for the three places where a group of three bytes may begin."""
    for skip in range(3):
        text = base64.b64encode(b"\0" * skip + data)
        yield text[(0, 2, 3)[skip]:(len(data) + skip) * 8 // 6]


def glyphs(text, stride):
    """A run of records of STRIDE bytes, each beginning with the number of a digit's glyph in DejaVu ('0' is 19)."""
    gap = b"\0\0\0[\\s\\S]{%d}" % (stride - 4)
    return re.compile(gap.join(re.escape(bytes([ord(c) - ord("0") + 19])) for c in text))


def piece_forms(text):
    """(name, bytes or regular expression) of all that TEXT may look like."""
    plain = text.encode()
    printable = b"".join(b"=%02X" % c for c in plain)
    yield "plain", plain
    yield "reversed", plain[::-1]
    yield "hex", plain.hex().encode()
    yield "quoted-printable", printable
    yield "percent", printable.replace(b"=", b"%")
    if not text.isdigit():  # the hexadecimal of a digit has no letters
        yield "hex", plain.hex().upper().encode()
        yield "quoted-printable", printable.lower()
    for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        yield name, text.encode(name)
    for i, encoded in enumerate(in_base64(plain)):
        yield f"base64+{i}", encoded
    for size in (2, 3, 4):
        yield f"groups-of-{size}", b" ".join(plain[i:i + size] for i in range(0, len(plain), size))
    if text.isdigit():
        for stride in (4, 20, 24):  # an array of numbers, HarfBuzz's and Pango's glyphs, cairo's
            yield f"glyphs-{stride}", glyphs(text, stride)


def forms(text):
    """What find_all() looks for: all forms of each piece of TEXT."""
    return [form for at in range(0, len(text) - PIECE + 1, PIECE // 2) for form in piece_forms(text[at:at + PIECE])]


def find_all(data, needles):
    """(form, place) of each that is in DATA."""
    for name, needle in needles:
        if isinstance(needle, bytes):
            at = data.find(needle)
            while at >= 0:
                yield name, at
                at = data.find(needle, at + 1)
        else:
            for match in needle.finditer(data):
                yield name, match.start()


def find_names(data, needles):
    return sorted({name for name, _ in find_all(data, needles)})


def scan_files(folder, stem):
    """{PATH: [FORM…]} of what is below FOLDER: names, and the bytes of regular files."""
    needles, hits = forms(stem), {}
    for path in pathlib.Path(folder).rglob("*"):
        found = find_names(os.fsencode(path), needles)
        if path.is_file() and not path.is_symlink():
            found += find_names(path.read_bytes(), needles)
        if found:
            hits[str(path)] = found
    return hits


def regions(pid):
    """What the process itself has written: pages of a file that nobody changed are the file's."""
    header = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")
    region, own = None, 0
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines() + ["0-0 ---- 0 0 0"]:
        match = header.fullmatch(line)
        if not match:
            name, value = line.split(":", 1)
            if name in ("Anonymous", "Private_Dirty", "Shared_Dirty", "Swap"):
                own += int(value.split()[0])
            continue
        if region and own:
            yield region
        region, own = (int(match[1], 16), int(match[2], 16), match[4] or "anonymous"), 0


def scan_memory(pid, needles):
    """([REGION: FORM at ADDRESS…], bytes read)"""
    hits, size = [], 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, name in regions(pid):
            memory.seek(begin)
            data = memory.read(end - begin)
            size += len(data)
            hits += [f"{name}: {form} at {begin + at:x}" for form, at in find_all(data, needles)]
    return hits, size


def scan_surfaces(needles):
    """{PATH: [FORM…]} of the environment and arguments of all processes that may be read."""
    hits = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        for surface in ("environ", "cmdline", "comm"):
            try:
                found = find_names((process / surface).read_bytes(), needles)
            except OSError:  # it has ended
                continue
            if found:
                hits[str(process / surface)] = found
    return hits


def scan_processes(stem, pids):
    """{"surfaces": {PATH: [FORM…]}, "memory": {PID: [HIT…]}, "sizes": {PID: bytes}}"""
    needles = forms(stem)
    scanned = {str(pid): scan_memory(pid, needles) for pid in pids}
    return {"surfaces": scan_surfaces(needles), "memory": {pid: hits for pid, (hits, _) in scanned.items()},
            "sizes": {pid: size for pid, (_, size) in scanned.items()}}


def ask_root(stem, pids):
    """As scan_processes(), by root. The stem goes by a pipe: an argument would be seen."""
    if os.geteuid() == 0:
        return scan_processes(stem, pids)
    done = subprocess.run(["sudo", "-n", sys.executable, __file__], input=json.dumps({"stem": stem, "pids": pids}),
                          capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


if __name__ == "__main__":
    request = json.load(sys.stdin)
    json.dump(scan_processes(request["stem"], request["pids"]), sys.stdout)
