#!/usr/bin/env python3
"""The official tests on sealed code.

    sealed.py SCRIPT...    as tests/spec/convert.py makes them

To each module that imports nothing a function is added which makes the calls of its assertions one after the
other and compares the results; its value is the line of the first that is wrong, or 0. The whole is sealed, and
that function called in wasmi. Of the traps, one in TRAP_STEP is called by itself. What cannot be tested so is
counted by its reason.
"""

import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
YADO = ROOT / "build" / "yado"
TOOLS = pathlib.Path(os.environ.get("YADO_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "yadokari" / "tools")
WASM_TOOLS = TOOLS / "bin" / "wasm-tools"
WASMI = TOOLS / "bin" / "wasmi"
TRAP_STEP = 20
CHECK = "yado check"

place = pathlib.Path(tempfile.mkdtemp(prefix="yado-spec-"))
left_out = collections.Counter()


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=120, check=False)


def decoded(word):
    return bytes.fromhex(word[1:]) if word.startswith("x") else word.encode()


def literal(value):
    """The instructions for a value, or None."""
    kind, _, bits = value.partition(":")
    if kind in ("i32", "i64"):
        return f"({kind}.const {bits})"
    if kind in ("f32", "f64") and not bits.startswith("nan"):
        return f"({kind}.reinterpret_i{kind[1:]} (i{kind[1:]}.const {bits}))"
    if bits == "null":
        return f"(ref.null {kind.replace('ref', '')})"
    return None


def comparison(value):
    """Instructions that turn the result on the stack into whether it is wrong."""
    kind, _, bits = value.partition(":")
    size = kind[1:]
    if kind in ("i32", "i64"):
        return f"{kind}.const {bits} {kind}.ne"
    if kind in ("f32", "f64"):
        canonical = 0x7FC00000 if size == "32" else 0x7FF8 << 48
        if bits.startswith("nan"):
            mask = 2 ** (int(size) - 1) - 1 if bits == "nan:canonical" else canonical
            return (f"i{size}.reinterpret_{kind} i{size}.const {mask} i{size}.and "
                    f"i{size}.const {canonical} i{size}.ne")
        return f"i{size}.reinterpret_{kind} i{size}.const {bits} i{size}.ne"
    return "ref.is_null" + (" i32.eqz" if bits == "null" else "")


class Module:
    """A module of a script and what is asserted of it."""

    def __init__(self, script, words):
        self.path = script.parent / words[3]
        self.script = script
        self.checks, self.traps, self.whole = [], [], True

    def take(self, words):
        kind, line = words[:2]
        if kind == "trap":
            if len(words) > 4 and words[3] == "-":
                self.traps.append((line, decoded(words[4]), words[5:words.index("=")] if "=" in words
                                   else words[5:]))
            return
        if not self.whole or words[2] != "-":
            self.whole = False # of what follows, the state is not what it should be
            left_out["assertions of other modules, or after what cannot be called"] += 1
            return
        rest = words[4:]
        arguments, results = (rest[:rest.index("=")], rest[rest.index("=") + 1:]) if "=" in rest else (rest, None)
        if None in [literal(value) for value in arguments]:
            self.whole = False
            left_out["assertions with references of the host's"] += 1
            return
        self.checks.append((line, decoded(words[3]), arguments, results))


def modules_of(script):
    module = None
    for text in script.read_text().splitlines():
        words = text.split()
        if words[0] == "module":
            if module:
                yield module
            module = Module(script, words)
        elif words[0] in ("return", "invoke", "trap") and module:
            module.take(words)
    if module:
        yield module


def exports(text):
    """Functions by the bytes of their names."""
    found = {}
    for name, function in re.findall(r'^  \(export "((?:[^"\\]|\\.)*)" \(func ([^)]+)\)\)', text, re.M):
        def unescape(match):
            return {"t": b"\t", "n": b"\n", "r": b"\r", "\"": b"\"", "'": b"'", "\\": b"\\"}.get(match.group(1)) \
                or bytes.fromhex(match.group(1))
        raw = re.sub(rb'\\(u\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2}|.)', lambda m: chr(int(m.group(1)[2:-1], 16)).encode()
                     if m.group(1).startswith(b"u{") else {b"t": b"\t", b"n": b"\n", b"r": b"\r", b'"': b'"',
                                                          b"'": b"'", b"\\": b"\\"}.get(m.group(1))
                     or bytes.fromhex(m.group(1).decode()), name.encode())
        found[raw] = function
    return found


def with_check(text, module):
    functions = exports(text)
    body = []
    for line, name, arguments, results in module.checks:
        if name not in functions:
            continue
        body.append(" ".join(literal(value) for value in arguments) + f" call {functions[name]}")
        for value in reversed(results or []):
            body.append(f"{comparison(value)} if i32.const {line} return end")
        if results is None:
            body.append(";; as many drops as there are results: none is asserted")
            return None
    closing = text.rstrip()
    assert closing.endswith(")")
    return (closing[:-1] + f'(func (export "{CHECK}") (result i32)\n' + "\n".join(body) + "\ni32.const 0))\n",
            len(module.checks))


def invoke(sealed, name, arguments):
    words = []
    for value in arguments:
        kind, _, bits = value.partition(":")
        if kind not in ("i32", "i64"):
            return None
        words.append(bits)
    return run(WASMI, "run", sealed, "--yado", "run", "--invoke", name.decode(errors="replace"), "--", *words)


def seal(source, stem):
    (place / f"{stem}.wat").write_text(source)
    parsed = run(WASM_TOOLS, "parse", place / f"{stem}.wat", "-o", place / f"{stem}.wasm")
    if parsed.returncode:
        return None, parsed.stderr.decode()[-300:]
    done = run(YADO, "seal", "--features", "tail-calls", place / f"{stem}.wasm", "-o", place / f"{stem}.sealed.wasm")
    if done.returncode:
        return None, done.stderr.decode()
    return place / f"{stem}.sealed.wasm", ""


def test(job):
    """How many assertions held, what failed, and why the others were left out."""
    number, module = job
    where = f"{module.script.stem} {module.path.name}"
    if not module.path.exists() or not (module.checks or module.traps):
        return 0, None, {}
    if module.path.suffix == ".wat":
        return 0, None, {}
    text = run(WASM_TOOLS, "print", module.path).stdout.decode(errors="replace")
    if re.search(r"^  \(import ", text, re.M):
        return 0, None, {"assertions of modules with imports": len(module.checks)}
    module.checks = [check for check in module.checks if check[3] is not None] if all(
        check[3] is not None for check in module.checks) else module.checks
    made = with_check(text, module)
    if not made:
        return 0, None, {"assertions of modules with calls whose results are not asserted": len(module.checks)}
    sealed, why = seal(made[0], str(number))
    if not sealed:
        return 0, f"{where}: {why}", {}
    done = run(WASMI, "run", sealed, "--yado", "run", "--invoke", CHECK)
    if done.returncode or done.stdout.strip() != b"0":
        return 0, f"{where}: line {done.stdout.decode().strip()}, exit {done.returncode} " \
                  f"{done.stderr.decode(errors='replace')[-300:]}", {}
    held = made[1]
    for line, name, arguments in module.traps[::TRAP_STEP]:
        done = invoke(sealed, name, arguments)
        if done and done.returncode == 0:
            return held, f"{where}: line {line} does not trap: {done.stdout.decode()}", {}
        held += done is not None
    for file in place.glob(f"{number}.*"):
        file.unlink()
    return held, None, {}


def main():
    passed = failed = 0
    jobs = [module for script in sys.argv[1:] for module in modules_of(pathlib.Path(script))]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for held, failure, reasons in pool.map(test, enumerate(jobs)):
            passed += held
            left_out.update(reasons)
            if failure:
                failed += 1
                print(f"FAILED {failure}", flush=True)
    for reason, count in left_out.items():
        print(f"left out: {count} {reason}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
