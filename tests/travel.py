"""What programs.py and matrix.py have in common: programs, checkpointed on one host and continued on another."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUESTS = ROOT / "build" / "guests"
TOOLS = pathlib.Path(os.environ.get("YADO_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "yadokari" / "tools")
REGISTRY = pathlib.Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"yadokari-{os.getuid()}"
CHECKPOINTED = 85

# name, arguments, reproducible
PROGRAMS = [
    ("pi_leibniz.wasm", ["20000"], True),
    ("nbody.wasm", ["500"], True),
    ("fib.wasm", ["16"], True),
    ("sqlite_bench.wasm", ["20", ":memory:"], True),
    ("rust_mix.wasm", ["50"], True),
    ("cpp_mix.wasm", ["50"], True),
    ("lua.wasm", ["script.lua", "5"], False),
    ("files.wasm", ["3"], False),
    ("go_mix.wasm", ["3"], False),
]

# What a host's own WASI does wrong, so that the program fails in it directly, too. Tests that such a program
# still fails there: a host that has been mended is noticed. (Not for travel.wasm, which fails across a checkpoint.)
FAULTS = {
    ("bun", "files.wasm"): "Bun does not count what is written: fd_tell stays where it was",
    ("bun", "travel.wasm"): "times of files are rounded, and offsets stay after writes",
    ("deno", "travel.wasm"): "a file that was deleted while open cannot be read",
    ("chicory", "files.wasm"): "Chicory refuses to open with O_APPEND and O_TRUNC together",
    ("chicory-compiler", "files.wasm"): "Chicory refuses to open with O_APPEND and O_TRUNC together",
    ("wasmer-go", "files.wasm"): "Wasmer 2 refuses the descriptor flags of an open (EINVAL)",
}

# To their WASI every standard stream is a terminal; a guest that asks has another state from then on.
TERMINALS = {"chicory", "chicory-compiler", "wasmer-go"}


# A host's name with this before it: the guest is sealed there.
SEALED = "sealed:"


def place(host):
    """The options that name a host."""
    tier = ["--tier", "sealed"] if host.startswith(SEALED) else []
    return [*tier, "--host", host.removeprefix(SEALED)]


class Travel:
    def __init__(self, yado):
        self.yado = str(yado)

    def hosts(self):
        """Of `yado hosts`: name to what is said of it; native first."""
        listing = subprocess.run([self.yado, "hosts", "--json"], capture_output=True, text=True, check=True)
        return {host["name"]: host for host in json.loads(listing.stdout)}

    def run(self, directory, *arguments):
        try:
            result = subprocess.run([self.yado, *arguments], cwd=directory, capture_output=True, timeout=600)
        except subprocess.TimeoutExpired:
            return -1, b"", b"not ended after 600 s"
        return result.returncode, result.stdout, result.stderr

    def once(self, program, *options, arguments=()):
        """One run in a directory of its own."""
        directory = workplace(program)
        result = self.run(directory, "run", *options, "--dir", ".", program, *arguments)
        shutil.rmtree(directory)
        return result

    def fuel(self, program, arguments, host="native"):
        """Sealed code counts less than the interpreter."""
        said = self.once(program, *place(host), "--show-fuel", arguments=arguments)[2]
        return int(re.search(rb"fuel: (\d+)", said).group(1))

    def checkpoint(self, host, program, arguments, fuel, stored=()):
        """The snapshot's bytes, what was printed until then, and the directory as it was left; or None, and
        why."""
        directory = workplace(program)
        code, out, err = self.run(directory, "run", *place(host), "--dir", ".", "--reproducible", *stored,
                                  "--verify", "--checkpoint-after", str(fuel), "--snapshot", "at.snap", program,
                                  *arguments)
        snapshot = directory / "at.snap"
        if code == CHECKPOINTED and snapshot.exists():
            return (snapshot.read_bytes(), out, directory), ""
        shutil.rmtree(directory)
        return None, f"exit {code}: {err[-300:]}"

    def restore(self, host, program, source, expected):
        """Continues a copy of what a checkpoint left: whether that came out right, and what happened."""
        _, before, directory = source
        copy = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-")) / "at"
        shutil.copytree(directory, copy)
        code, out, err = self.run(copy, "restore", *place(host), "--dir", ".", "--module", program,
                                  "at.snap")
        shutil.rmtree(copy.parent)
        return (code, before + out) == expected, f"exit {code}, {err[-300:]}"


def workplace(program):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-"))
    shutil.copy(GUESTS / program, directory)
    if program == "lua.wasm":
        shutil.copy(GUESTS / "script.lua", directory)
    return directory


def direct(program, arguments):
    """What Wasmtime makes of the program itself: exit code and output."""
    directory = workplace(program)
    result = subprocess.run([TOOLS / "bin" / "wasmtime", "run", "--dir", ".", program, *arguments],
                            cwd=directory, capture_output=True, timeout=600)
    shutil.rmtree(directory)
    return result.returncode, result.stdout
