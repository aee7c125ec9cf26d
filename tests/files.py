#!/usr/bin/env python3
"""What yado reads and writes under other people's conditions: devices, FIFOs and links, file systems and masks, full
disks, closed streams, no home directory, folders that others can write into, arguments of 100 KB, inputs that are
pipes; natively and in hosts.

    files.py [TEST...]     only these
"""

import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import tempfile

import checks
from checks import check, skip
from guest import YADO, Folder
from travel import GUESTS, TOOLS

FOLDER = Folder("fib", "sleep", "files", "given", kind="files")
HERE, start, yado = FOLDER.path, FOLDER.start, FOLDER.yado
HOSTS = ("native", "wasmtime", "node")
IS_ROOT = os.getuid() == 0
HALF = ("--checkpoint-after", 100)  # of fib
FIB = "fib(20) = 6765\n"
# (module (func (export "") (result i32) i32.const 7))
EMPTY_NAME = bytes.fromhex("0061736d01000000" "010501600001" "7f" "03020100" "0704010000" "00" "0a06010400" "41070b")


def shell(line, **options):
    """With bash's <(...); $Y is yado."""
    result = subprocess.run(["bash", "-c", line], cwd=HERE, text=True, capture_output=True, timeout=240,
                            env={**os.environ, "Y": str(YADO)}, **options)
    return result.returncode, result.stdout, result.stderr


def mode(path):
    return stat.S_IMODE(os.lstat(HERE / path).st_mode)


def remove(*names):
    for name in names:
        for path in [path for path in HERE.iterdir() if path.match(name)]:
            path.unlink()


def parts(folder=HERE):
    return [path.name for path in folder.iterdir() if "yado" in path.name]


# ---- what is written


def writers():
    """Each as a name and what writes the file of that name."""
    for host in HOSTS:
        yield f"run --snapshot on {host}", lambda to, host=host: yado(
            "run", "--host", host, *HALF, "--snapshot", to, "fib.wasm", 20)
        yield f"run --every on {host}", lambda to, host=host: yado(
            "run", "--host", host, "--every", "20ms", "--snapshot", to, "fib.wasm", 33)
    yield "squash", lambda to: yado("squash", "--output", to, "at.snap")
    yield "export", lambda to: yado("export", "--coredump", "--output", to, "at.snap")
    yield "seal", lambda to: yado("seal", "fib.wasm", "--output", to)
    yield "bake", lambda to: yado("bake", "fib.sealed.wasm", "at.snap", "--output", to)
    yield "checkpoint", checkpoint


def checkpoint(to):
    guest = FOLDER.guest("sleep.wasm", 1000, 60)
    result = guest.checkpoint("--leave-running", "--output", to)
    guest.kill()
    return result


def drained(what, *arguments):
    """With a reader for the FIFO that it writes."""
    with open(HERE / "drained", "wb") as to:
        reader = subprocess.Popen(["cat", "fifo"], cwd=HERE, stdout=to)
    result = what(*arguments)
    try:
        reader.wait(20)
    except subprocess.TimeoutExpired:
        reader.kill()
        reader.wait()
    return result, (HERE / "drained").stat().st_size


def test_paths():
    """A link is followed; a device and a FIFO are written through; a socket and a directory are refused."""
    for name, write in writers():
        remove("real", "link", "fifo", "device", "socket")
        (HERE / "real").write_text("old")
        (HERE / "link").symlink_to("real")
        result = write("link")
        check((HERE / "link").is_symlink() and (HERE / "real").stat().st_size > 100, f"{name}: a link", result)
        remove("real")
        result = write("link")
        check((HERE / "link").is_symlink() and (HERE / "real").stat().st_size > 100, f"{name}: to nothing yet", result)
        if "--every" not in name:
            os.mkfifo(HERE / "fifo")
            result, size = drained(write, "fifo")
            check(size > 100 and stat.S_ISFIFO(os.lstat(HERE / "fifo").st_mode), f"{name}: a FIFO", (result, size))
        if IS_ROOT:
            os.mknod(HERE / "device", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            result = write("device")
            check(stat.S_ISCHR(os.lstat(HERE / "device").st_mode), f"{name}: a device", result)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(HERE / "socket"))
        result = write("socket")
        check(stat.S_ISSOCK(os.lstat(HERE / "socket").st_mode), f"{name}: a socket", result)
        listening.close()
        check(not parts(), f"{name}: nothing is left", parts())
    remove("fifo")
    os.mkfifo(HERE / "fifo")
    result = yado("run", "--verify", *HALF, "--snapshot", "fifo", "fib.wasm", 20)
    check(result[0] == 2 and "read again" in result[2] and stat.S_ISFIFO(os.lstat(HERE / "fifo").st_mode),
          "--verify of what cannot be read again", result)
    if not IS_ROOT:
        skip("devices", "made by root only")
    remove("real", "link", "fifo", "device", "socket")


def test_modes():
    """A guest's memory is its owner's only, whatever the umask, the host and the file system; what is no secret is as
    the umask has it."""
    other = pathlib.Path(tempfile.mkdtemp(prefix="yado-files-", dir="/dev/shm"))
    previous = os.umask(0)
    try:
        for mask in (0o000, 0o022, 0o077):
            os.umask(mask)
            for name, write in writers():
                for folder in (HERE, other):
                    path = folder / "written"
                    path.unlink(missing_ok=True)
                    result = write(path)
                    wanted = 0o666 & ~mask if name == "seal" else 0o600
                    check(path.exists() and mode(path) == wanted, f"{name} in {folder}, umask {mask:o}",
                          (path.exists() and oct(mode(path)), result))
            for path in other.iterdir():
                check(path.name in ("written", "written.1", "written.2"), "nothing beside it", path)
            remove("key.*")
            result = yado("keygen", "key")
            check(mode("key.key") == 0o600 and mode("key.pub") == 0o666 & ~mask, f"keys, umask {mask:o}", result)
        os.umask(0o022)
        for host in HOSTS:
            shutil.rmtree(HERE / "files-test", ignore_errors=True)
            result = yado("run", "--host", host, "--checkpoint-after", 2000, "--snapshot", "w.snap", "--dir", ".",
                          "files.wasm", 3)
            made = [path for path in (HERE / "files-test").glob("*") if path.is_file()]
            check(result[0] == 85 and made and all(mode(path) == 0o644 for path in made),
                  f"the guest's own files are as the umask has it, {host}", (result, made))
    finally:
        os.umask(previous)
        shutil.rmtree(other)
    check(not parts(), "nothing is left", parts())


def test_full_disk():
    """Nothing of what could not be written is left, and what was there before is."""
    small = HERE / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True).returncode:
        skip("a full disk", "a small file system can be mounted by root only")
        return
    try:
        for name, write in writers():
            if name.startswith("run"):
                continue  # tests/requests.py has what becomes of the guest
            target = small / "x"
            target.write_text("old")
            (small / "filler").write_bytes(b"x" * (4096 * 15))
            result = write(target)
            (small / "filler").unlink()
            check(result[0] != 0 and "No space left" in result[2], f"{name} says so", result)
            check(target.read_text() == "old" and os.listdir(small) == ["x"], f"{name} leaves nothing",
                  os.listdir(small))
            target.unlink()
    finally:
        subprocess.run(["umount", small], check=True)
        small.rmdir()


# ---- what is read


def test_inputs():
    """Each file may be a pipe."""
    yado("keygen", "pair")
    for host in HOSTS:
        where = f"--host {host}"
        for line, wanted in (
                (f"$Y run {where} <(cat fib.wasm) 20", (0, FIB)),
                (f"cat fib.wasm | $Y run {where} /dev/stdin 20", (0, FIB)),
                (f"$Y run {where} /dev/stdin 20 < fib.wasm", (0, FIB)),
                (f"$Y run {where} --checkpoint-after 100 --snapshot p.snap <(cat fib.wasm) 20", (85, "")),
                (f"$Y restore {where} p.snap", (0, FIB)),
                (f"$Y restore {where} <(cat p.snap)", (0, FIB)),
                (f"$Y restore {where} --module <(cat fib.wasm) <(cat at.snap)", (0, FIB)),
                (f"$Y restore {where} --checkpoint-after 200 --base <(cat at.snap) --snapshot d.snap at.snap", (85, "")),
                (f"$Y restore {where} --with-base <(cat at.snap) <(cat d.snap)", (0, FIB)),
                (f"$Y run {where} --checkpoint-after 100 --sign <(cat pair.key) --encrypt-to <(cat pair.pub) "
                 "--snapshot e.snap fib.wasm 20", (85, "")),
                (f"$Y restore {where} --decrypt-with <(cat pair.key) --require-signature <(cat pair.pub) <(cat e.snap)",
                 (0, FIB)),
        ):
            result = shell(line)
            check(result[:2] == wanted, line, result)
    for line in ("$Y run --tier sealed --host wasmtime <(cat fib.wasm) 20",
                 "$Y seal <(cat fib.wasm) -o s.wasm && $Y bake <(cat s.wasm) <(cat at.snap) -o b.wasm && "
                 f"{TOOLS}/bin/wasmtime run b.wasm",
                 "$Y squash --with-base <(cat at.snap) -o q.snap <(cat d.snap) > /dev/null && $Y restore q.snap"):
        result = shell(line)
        check(result[:2] == (0, FIB), line, result)
    result = shell("$Y diff <(cat at.snap) <(cat at.snap); $Y inspect <(cat at.snap) | head -n 1; "
                   "$Y export --coredump -o dump <(cat at.snap) && cmp dump <($Y export --coredump -o /dev/stdout "
                   "at.snap) && cmp at.snap <($Y squash -o /dev/stdout at.snap) && echo same")
    check(result[0] == 0 and "snapshot of" in result[1] and result[1].endswith("same\n"), "diff, inspect, export", result)
    os.mkfifo(HERE / "fifo")
    result = shell("(cat at.snap > fifo; echo wrote $?) & $Y inspect fifo | head -n 1; wait")
    check("wrote 0" in result[1] and "snapshot of" in result[1], "a FIFO is opened once", result)
    remove("fifo")
    for where in ("", "--host wasmtime"):
        result = shell(f"$Y run {where} --checkpoint-after {HALF[1]} --snapshot >(cat > piped) fib.wasm 20; wait; "
                       "$Y restore piped")
        check(result[:2] == (0, FIB), f"a snapshot into a pipe of the shell's {where}", result)


def test_streams():
    """A closed stream is as /dev/null."""
    for host in HOSTS:
        for closed in ("<&-", "<&- >&-", "<&- >&- 2>&-", ">&- 2>&-", "2>&-"):
            result = shell(f"exec 9>&1; timeout 60 $Y run --host {host} given.wasm {closed} >&9; echo $?"
                           if ">&- " not in closed and not closed.endswith(" >&-")
                           else f"timeout 60 $Y run --host {host} given.wasm {closed}; echo $?")
            check(result[1].endswith("0\n") and "124" not in result[1], f"{closed} on {host}", result)
            if closed == "<&-":
                check("input: 0 bytes" in result[1], f"no input on {host}", result)


def test_arguments():
    """Long ones arrive whole, or are refused by name."""
    for host in HOSTS:
        for size in (8191, 8192, 100_000):
            result = yado("run", "--host", host, "--env", "V=" + "v" * size, "given.wasm", "a" * size, "b")
            native = yado("run", "--env", "V=" + "v" * size, "given.wasm", "a" * size, "b")
            check(result[0] == 0 and f"argument: {size} bytes" in result[1] and
                  f"variable: {size + 2} bytes" in result[1] and result[:2] == native[:2],
                  f"{size} bytes on {host}", (result[0], result[1][:300], result[2][:300]))
        many = ["x" * 99] * 1000
        result = yado("run", "--host", host, "given.wasm", *many)
        check(result[1].count("argument: 99 bytes") == 1000, f"a thousand on {host}", result[2][:300])
    result = yado("run", "--host", "wasmtime", "--env", "V=" + "v" * 131000, "given.wasm", "a" * 131000)
    check(result[0] == 0 or (result[0] == 125 and "too long" in result[2]), "what is too long is said", result[2][:300])


def test_names():
    """Of files: long paths, spaces, every byte."""
    deep = HERE
    while len(str(deep)) < 3000:
        deep = deep / ("d" * 200)
    deep.mkdir(parents=True)
    odd = ["with space", "quo'te\"s", "ünïcödé", "$HOME;`x`&|<>*?[]{}~!#", "-- dash", "back\\slash", "=:,%"]
    for host in HOSTS:
        for folder in [deep, *(HERE / name for name in odd)]:
            folder.mkdir(exist_ok=True)
            shutil.copy(GUESTS / "fib.wasm", folder / "fib.wasm")
            result = yado("run", "--host", host, *HALF, "--snapshot", folder / "s.snap", folder / "fib.wasm", 20)
            check(result[0] == 85 and (folder / "s.snap").exists(), f"{str(folder)[-40:]} on {host}", result)
            result = yado("restore", "--host", host, folder / "s.snap")
            check(result[:2] == (0, FIB), f"restored from {str(folder)[-40:]} on {host}", result)
    every = bytes(b for b in range(1, 256) if b not in b"/\n")
    name = os.fsdecode(every[:120]), os.fsdecode(every[120:])
    for one in name:
        shutil.copy(GUESTS / "fib.wasm", HERE / one)
        snapshot = one + ".s"
        result = yado("run", "--name", "every-byte", *HALF, "--snapshot", snapshot, one, 20, errors="surrogateescape")
        check(result[0] == 85 and (HERE / snapshot).exists(), "every byte in a name", result)
        result = yado("restore", "--name", "every-byte", "--module", one, snapshot, errors="surrogateescape")
        check(result[:2] == (0, FIB), "restored from it", result)
    result = yado("run", *HALF, "--snapshot", "line\nbreak", "fib.wasm", 20)
    check(result[0] == 85 or "line break" in result[2], "a line break in a name", result)
    too_long = "x/" * 2500
    for arguments in (("run", "--snapshot", too_long + "s", *HALF, "fib.wasm", "20"), ("run", too_long + "fib.wasm"),
                      ("squash", "--output", too_long, "at.snap"), ("keygen", too_long)):
        result = yado(*arguments)
        check(result[0] in (2, 125) and ("too long" in result[2] or "No such file" in result[2]),
              f"{arguments[0]}: a path that is too long", result)


# ---- signals, names of functions


def test_signals():
    """A guest that a signal ends gives what a shell shows for it."""
    for host, tier in (*((host, "interp") for host in HOSTS), ("wasmtime", "sealed")):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = start("run", "--host", host, "--tier", tier, "sleep.wasm", 1000, 50)
            process.stdout.readline()
            process.send_signal(number)
            process.communicate(timeout=60)
            check(process.returncode in (-number, 128 + number), f"{number.name} on {host}, {tier}", process.returncode)


def test_invoke():
    (HERE / "empty.wasm").write_bytes(EMPTY_NAME)
    for host in HOSTS:
        for option in (("--invoke", ""), ("--invoke=",)):
            result = yado("run", "--host", host, *option, "empty.wasm")
            check(result == (0, "7\n", ""), f"the empty name on {host}", result)


# ---- folders


def environment(**changes):
    """Variables that are None are not set."""
    return {"PATH": f"{TOOLS}/bin:{os.environ['PATH']}", "YADO_TOOLS": None, **changes}


def test_folders():
    """What is run comes from folders that are this user's only."""
    planted = HERE / "planted-cache"
    marker = HERE / "marker"

    def plant(change):
        shutil.rmtree(planted, ignore_errors=True)
        shutil.rmtree(HERE / "elsewhere", ignore_errors=True)
        program = planted / "yadokari" / "tools" / "bin" / "wasmtime"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\ntouch {marker}\nexec {TOOLS}/bin/wasmtime \"$@\"\n")
        program.chmod(0o755)
        change(planted / "yadokari")

    def linked(folder):
        folder.rename(HERE / "elsewhere")
        folder.symlink_to(HERE / "elsewhere")

    cases = {"others can write": lambda folder: folder.chmod(0o777),
             "a group can write into the tools": lambda folder: (folder / "tools").chmod(0o775),
             "others can write into bin": lambda folder: (folder / "tools" / "bin").chmod(0o777),
             "a link": linked}
    if IS_ROOT:
        cases["another user's"] = lambda folder: os.chown(folder, 65534, 65534)
    for what, change in cases.items():
        plant(change)
        result = yado("run", "--host", "wasmtime", "fib.wasm", 20, env=environment(XDG_CACHE_HOME=str(planted)))
        check(not marker.exists(), f"not run: {what}", result)
        marker.unlink(missing_ok=True)
    plant(lambda folder: None)
    result = yado("run", "--host", "wasmtime", "fib.wasm", 20, env=environment(XDG_CACHE_HOME=str(planted)))
    check(result[:2] == (0, FIB) and marker.exists(), "one's own are run", result)
    plant(lambda folder: folder.chmod(0o777))
    result = yado("run", "--tier", "sealed", "--host", "wasmtime", "fib.wasm", 20,
                  env=environment(XDG_CACHE_HOME=str(planted)))
    check(result[0] == 125 and "others can write into it" in result[2], "nor is compiled code believed", result)
    configuration = HERE / "config" / "yadokari"
    configuration.mkdir(parents=True)
    (configuration / "hosts.conf").write_text("[mine]\nlike = wasmtime\n")
    settings = environment(XDG_CONFIG_HOME=str(HERE / "config"), YADO_HOSTS=None)
    check("mine" in yado("hosts", env=settings)[1], "the user's hosts")
    configuration.chmod(0o777)
    result = yado("run", "--host", "mine", "fib.wasm", 20, env=settings)
    check(result[0] != 0 and "others can write into it" in result[2], "not when others can say what they are", result)
    runtime = HERE / "run"
    (runtime / f"yadokari-{os.getuid()}").mkdir(parents=True)
    (runtime / f"yadokari-{os.getuid()}").chmod(0o755)
    result = yado("run", "fib.wasm", 20, env=environment(XDG_RUNTIME_DIR=str(runtime)))
    check(result[0] == 125 and "others can enter it" in result[2], "nor a registry that others can enter", result)


def test_home():
    """Without $HOME there is the password database; a home that cannot be written is said where it matters."""
    bare = environment(HOME=None, XDG_CACHE_HOME=None, XDG_CONFIG_HOME=None, XDG_STATE_HOME=None)
    result = yado("run", "--host", "wasmtime", "fib.wasm", 20, env=bare)
    check(result[:2] == (0, FIB), "without $HOME", result)
    if IS_ROOT:
        result = subprocess.run(["setpriv", "--reuid=54321", "--clear-groups", YADO, "run", "--tier", "sealed", "--host",
                                 "wasmtime", GUESTS / "fib.wasm", "20"], cwd="/", text=True, capture_output=True, env={
                                     "PATH": bare["PATH"]})
        shutil.rmtree("/tmp/yadokari-54321", ignore_errors=True)
        check(result.returncode == 125 and "the password database has no home" in result.stderr, "no home", result)
    check(not pathlib.Path("/tmp/.cache").exists(), "nothing of it is in /tmp")


TESTS = (test_paths, test_modes, test_full_disk, test_inputs, test_streams, test_arguments, test_names, test_signals,
         test_invoke, test_folders, test_home)

if __name__ == "__main__":
    yado("run", *HALF, "--snapshot", "at.snap", "fib.wasm", 20)
    yado("seal", "fib.wasm", "--output", "fib.sealed.wasm")
    checks.run(TESTS)
