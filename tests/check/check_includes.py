#!/usr/bin/python3
"""Do the arrows between the rooms point down? Checks every #include of src/ and include/ against the map below.

    check_includes.py [ROOT]         exit 1 and one line for each edge that goes up or sideways
    check_includes.py --self-test    the checker itself, on sources that break each rule

The linker proves the same for functions; this proves it for types and constants, and keeps the libraries in their rooms.
"""
import pathlib
import re
import sys
import tempfile

# Who may use whom, beside itself: everything that lies below, no sibling.
BELOW = {"base": set(), "model": {"base"}}
for room in ("config", "seal", "store", "template", "method"):
    BELOW[room] = {"base", "model"}
for room in ("intake", "dispatch", "worker", "control"):
    BELOW[room] = {"base", "model", "config", "seal", "store", "template", "method", "audit"}
BELOW["audit"] = {"base", "model", "store"}
BELOW["protect"] = {"base", "model", "template"}
BELOW["worker"].add("protect")
for room in ("daemon", "ctl"):
    BELOW[room] = set(BELOW) - {"daemon", "ctl"}

# A contract belongs to the room that implements it.
OWNER = {
    "base": "buffer channel cleanup clock crashpoint file json json_line lines log peer problem secret utf8 uuid",
    "model": "delivery document event media outcome parcel retry settings site waiting",
    "config": "config", "seal": "seal", "store": "store commit", "template": "template", "method": "method",
    "audit": "audit", "protect": "protect", "intake": "intake", "dispatch": "dispatch", "control": "control",
    # The wire between dispatch and worker, and the composed schemas, are small targets below those who share them.
    "shared": "protocol schemas",
}
OWNER = {f"{name}.h": room for room, names in OWNER.items() for name in names.split()}
SHARED = {"protocol.h": {"dispatch", "worker"}, "schemas.h": {"daemon", "ctl", "worker"}}

# A library has one home (a regular expression of paths below src/).
LIBRARIES = {
    r"libconfig\.h": r"config/",
    r"sqlite3\.h": r"store/",
    r"(librsvg|pango|cairo|fontconfig|gmime|libxml)\b": r"template/",
    r"cups/": r"method/print",
    r"(libesmtp|auth-client)\.h": r"method/email",
    r"curl/": r"method/print_connection",
    r"openssl/ssl\.h": r"method/(email|tls)",
    r"openssl/cms\.h": r"protect/smime",
    r"qpdf/": r"protect/pdf",
    r"openssl/(ec|ecdh|kdf|aes)\.h": r"seal/",
    r"p11-kit/": r"seal/token",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1] == '"', match[2]


def wrong_contract(room, header):
    """Why ROOM may not include <pindispatch/HEADER>, or None."""
    owner = OWNER.get(header)
    if owner is None:
        return f"{header} is in no room's list"
    if owner == "shared":
        allowed = room in SHARED[header]
    else:
        allowed = owner == room or owner in BELOW[room]
    return None if allowed else f"{room} must not know {owner} ({header})"


def wrong_library(place, header):
    for pattern, home in LIBRARIES.items():
        if re.match(pattern, header) and not re.match(home, place):
            return f"{header} belongs to {home}"
    return None


def room_of(root, path):
    relative = path.relative_to(root)
    if relative.parts[0] == "include":
        return OWNER.get(path.name)
    return relative.parts[1]


def check_file(root, path):
    room = room_of(root, path)
    place = str(path.relative_to(root / "src")) if path.is_relative_to(root / "src") else ""
    if room == "shared" or path.name in ("schemas.c", "protocol.c"):
        return
    if room not in BELOW:
        yield f"{path}: is in no room of the map"
        return
    for number, own, header in includes(path):
        why = None
        if own and "/" in header:
            why = f'"{header}" reaches into another folder'
        elif not own and header.startswith("pindispatch/"):
            why = wrong_contract(room, header.removeprefix("pindispatch/"))
        elif not own:
            why = wrong_library(place, header)
        if why:
            yield f"{path}:{number}: {why}"


def check_tree(root):
    paths = [p for folder in ("src", "include") for p in sorted((root / folder).rglob("*.[ch]"))]
    return [line for path in paths for line in check_file(root, path)]


BROKEN = {
    "src/base/a.c": "#include <pindispatch/event.h>\n",
    "src/store/a.c": "#include <pindispatch/seal.h>\n",
    "src/model/a.c": "#include <pindispatch/log.h>\n#include <pindispatch/store.h>\n",
    "src/intake/a.c": "#include <sqlite3.h>\n",
    "src/method/nopin.c": "#include <cups/cups.h>\n",
    "src/seal/a.c": '#include "../base/b.h"\n',
    "src/control/a.c": "#include <pindispatch/protocol.h>\n",
    "include/pindispatch/uuid.h": "#include <pindispatch/config.h>\n",
    "src/elsewhere/a.c": "",
}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        for name, text in BROKEN.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = check_tree(pathlib.Path(folder))
    missed = [name for name in BROKEN if not any(name in line for line in found)]
    if missed or len(found) != len(BROKEN):
        sys.exit(f"the checker is blind: missed {missed}, found {found}")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    found = check_tree(root)
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
