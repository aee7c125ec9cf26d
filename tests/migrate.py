#!/usr/bin/env python3
"""Live migration: between the hosts of this machine, and between two network namespaces with a real sshd.

    migrate.py [TEST...]     only these
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import checks
from checks import check, skip
from guest import YADO, Folder, children, until
from travel import GUESTS, ROOT, TOOLS

SSH_PROXY = str(ROOT / "tests" / "ssh_proxy.py")
FOLDER = Folder(kind="migrate")
HERE, yado = FOLDER.path, FOLDER.yado
os.environ["XDG_STATE_HOME"] = str(HERE / "state")  # what moves leave is not the user's


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120,
                          errors="replace", **options)


def hosts():
    """Those that run long enough to be moved: not the ones that only interpret."""
    listed = [host["name"] for host in json.loads(yado("hosts", "--json")[1]) if host["installed"]]
    return ["native"] + [host for host in listed if host in ("wasmtime", "node", "wasmedge-aot", "wazero")]


def test_local():
    """A computing guest goes through all hosts and ends as it would have undisturbed."""
    for host in hosts():  # which compiles Yadokari for it
        check(yado("run", "--host", host, GUESTS / "hello.wasm")[0] == 0, f"a guest on {host}")
    guest = FOLDER.guest(GUESTS / "fib.wasm", "42")
    for host in hosts()[1:] + ["native"] + hosts()[1:2] * 2:
        result = guest.migrate("--host", host)
        check(result[0] == 0 and "downtime" in result[1], f"to {host}", result)
        check(guest.where() == host, f"ps shows {host}", guest.where())
        check(guest.process.poll() is None, "yado run is still there")
    result = guest.migrate("--host", "native")
    check(guest.end(90) == (0, "fib(42) = 267914296\n", ""), "the result after all of it", (result, guest.output()))
    check(not guest.where(), "nothing is left")


def test_sealed():
    """A sealed guest goes on sealed in another host, natively in the interpreter, and sealed again."""
    sealed = ["--tier", "sealed", "--host", "wasmtime", GUESTS / "fib.wasm"]
    check(yado("run", *sealed, "9")[0] == 0, "a sealed guest")  # now it is compiled
    guest = FOLDER.guest(*sealed, "44")
    for host in ("node", "native", "wasmtime"):
        result = guest.migrate("--host", host)
        check(result[0] == 0 and guest.where() == host, f"sealed, then to {host}", (result, guest.output()))
    check(guest.end(120) == (0, "fib(44) = 701408733\n", ""), "the result of what was sealed", guest.output())


def test_soon():
    """A guest is moved before its host has been compiled for, and after --tier auto has sealed it."""
    slow = HERE / "slow-host"
    slow.write_text(f'#!/bin/sh\ncase "$1" in run) sleep 1;; esac\nexec {TOOLS}/bin/wasmtime "$@"\n')
    slow.chmod(0o755)
    compiler = HERE / "slow-compiler"
    compiler.write_text(f'#!/bin/sh\nsleep 2\nexec {TOOLS}/bin/wasmtime "$@"\n')
    compiler.chmod(0o755)
    conf = HERE / "slow.conf"
    conf.write_text(f"[slow]\nlike = wasmtime\nprogram = {slow}\n[slow-compiler]\nlike = wasmtime\ncompiler = {compiler}\n")
    for host in ("slow", "slow-compiler"):
        guest = FOLDER.guest("--host", host, GUESTS / "fib.wasm", "60", env={"YADO_HOSTS": conf})
        result = guest.migrate("--host", "native")
        check(result.code == 0 and guest.where() == "native", f"at once, from {host}", (result, guest.output()))
        guest.kill()
    new = HERE / "new.wasm"  # which nobody has sealed yet: with a custom section of its own
    new.write_bytes((GUESTS / "fib.wasm").read_bytes() + b"\0\x0d\4salt" + os.urandom(8))
    guest = FOLDER.guest("--host", "wasmtime", "--tier", "auto", "--verbose", new, "60")
    check(until(lambda: "goes on sealed" in guest.output()[1], 120), "it goes on sealed", guest.output())
    for host in ("node", "native"):
        result = guest.migrate("--host", host)
        check(result.code == 0 and guest.where() == host, f"sealed meanwhile, to {host}", (result, guest.output()))
    guest.kill(signal.SIGTERM)  # or the snapshot that it went on from is kept, and the next guest says so


def test_streams():
    """Input given before, between and after moves arrives whole and once."""
    guest = FOLDER.guest(GUESTS / "cat.wasm", "-", stdin=subprocess.PIPE)
    expected = ""
    for host in (None, "wasmtime", "native", "node"):
        if host:
            result = guest.migrate("--host", host)
            check(result[0] == 0, f"in a read, to {host}", result)
        text = f"words for {host}\n"
        guest.write(text.encode())
        expected += text
        time.sleep(0.1)
    guest.process.stdin.close()
    check(guest.end() == (0, expected, ""), "streams stay", guest.output())


def test_refusals():
    guest = FOLDER.guest(GUESTS / "sleep.wasm", "1", "60000")
    for arguments, code, words in ((("--host", "nohost"), 2, "nohost"), ((), 2, "--host"),
                                   (("--to", "http://x"), 2, "ssh://"),
                                   (("--to", "ssh://-oProxyCommand=x"), 2, "ssh://"),
                                   (("--host", "native", "--detach"), 2, "--to")):
        result = guest.migrate(*arguments)
        check(result[0] == code and words in result[2], f"migrate {arguments}", result)
    result = yado("migrate", "--host", "native", "nobody")
    check(result[0] == 2 and "nobody" in result[2], "migrate nobody", result)
    broken = HERE / "broken-host"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    guest.process.terminate()
    check(guest.end()[0] == -signal.SIGTERM, "a signal reaches the guest", guest.process.returncode)
    os.environ["YADO_WASMI"] = str(broken)
    guest = FOLDER.guest(GUESTS / "fib.wasm", "42")
    result = guest.migrate("--host", "wasmi")
    del os.environ["YADO_WASMI"]
    check(result[0] == 125 and "wasmi" in result[2], "a host that fails", result)
    check(guest.where() == "native" and guest.end()[:2] == (0, "fib(42) = 267914296\n"),
          "then the guest goes on where it was", guest.output())


# ---- two machines

class Machines:
    """Here and a network namespace with a sshd of its own; or, where none can be made, loopback."""

    def __init__(self):
        self.space = f"yado{os.getpid()}"
        self.far = f"yf{os.getpid()}"
        self.near = f"yn{os.getpid()}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="there-", dir=HERE))
        (self.folder / "run").mkdir(mode=0o700)
        self.sshd = None
        self.apart = os.geteuid() == 0 and run("ip", "netns", "add", self.space).returncode == 0
        self.net = os.getpid() % 250
        self.address = f"10.213.{self.net}.2" if self.apart else "127.0.0.1"
        if self.apart:
            for command in (f"ip link add {self.near} type veth peer name {self.far} netns {self.space}",
                            f"ip addr add 10.213.{self.net}.1/24 dev {self.near}",
                            f"ip link set {self.near} up",
                            f"ip -n {self.space} addr add {self.address}/24 dev {self.far}",
                            f"ip -n {self.space} link set {self.far} up",
                            f"ip -n {self.space} link set lo up"):
                result = run(*command.split())
                assert result.returncode == 0, (command, result.stderr)
        else:
            print("no network namespaces can be made here (not root?): sshd on loopback, and cutting the "
                  "connection is ending ssh")
        self.start_sshd()

    def start_sshd(self):
        self.port = 2222
        if not self.apart:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        for name in ("host_key", "user_key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", HERE / name)
        shutil.copy(HERE / "user_key.pub", HERE / "authorized")
        (HERE / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress {self.address}\nHostKey {HERE}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {HERE}/authorized\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            f"ClientAliveInterval 4\nClientAliveCountMax 1\n"  # so that none outlives its connection for long
            f"PermitRootLogin yes\n")
        (HERE / "ssh_config").write_text(
            f"Host there\n HostName {self.address}\n Port {self.port}\n IdentityFile {HERE}/user_key\n"
            f" UserKnownHostsFile {HERE}/known\n StrictHostKeyChecking accept-new\n LogLevel ERROR\n")
        os.makedirs("/run/sshd", exist_ok=True) if os.geteuid() == 0 else None
        inside = ["ip", "netns", "exec", self.space] if self.apart else []
        self.sshd = subprocess.Popen([*inside, shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f",
                                      str(HERE / "sshd_config")], stderr=subprocess.DEVNULL)
        if not until(lambda: run("ssh", "-F", HERE / "ssh_config", "there", "true").returncode == 0):
            raise RuntimeError("sshd does not answer")

    def env(self, cut=""):
        cutter = f"ip link set {self.near} down" if self.apart else "kill"
        script = HERE / "ssh"
        script.write_text(f"#!/bin/sh\nexec {SSH_PROXY} {HERE}/ssh_config '{cut}' '{cutter}' \"$@\"\n")
        script.chmod(0o755)
        return {"YADO_SSH": str(script)}

    def variables(self):
        return (f"env XDG_RUNTIME_DIR={self.folder}/run XDG_STATE_HOME={self.folder}/state "
                f"YADO_TOOLS={os.environ.get('YADO_TOOLS', '')} {YADO}")

    def options(self, timeout="10s"):
        return ("--to", "ssh://there", "--remote-yado", self.variables(), "--link-timeout", timeout)

    def up(self):
        if self.apart:
            run("ip", "link", "set", self.near, "up")
            run("ip", "addr", "add", f"10.213.{self.net}.1/24", "dev", self.near)

    def names(self):
        env = {**os.environ, "XDG_RUNTIME_DIR": f"{self.folder}/run"}
        return run(YADO, "ps", env=env).stdout

    def kept(self):
        return sorted((self.folder / "state" / "yadokari").glob("*.snap"))

    def close(self):
        if self.sshd:
            self.sshd.terminate()
            self.sshd.wait()
        if self.apart:
            run("ip", "netns", "del", self.space)
            run("ip", "link", "del", self.near)


def test_remote():
    """There, to another host, back, with the streams."""
    machines = Machines()
    try:
        guest = FOLDER.guest(GUESTS / "cat.wasm", "-", stdin=subprocess.PIPE)
        expected = ""
        for to in (None, machines.options(), ("--host", "wasmtime"), (*machines.options(), "--host", "wasmtime"),
                   ("--host", "native"), ("--host", "native")):
            if to:
                result = guest.migrate(*to, env=machines.env())
                check(result[0] == 0 and "downtime" in result[1], f"in a read, to {to}", result)
                check((guest.name in machines.names()) == ("--to" in to), "it is listed there", machines.names())
                check(("ssh://" in (guest.where() or "")) == ("--to" in to), "and here", guest.where())
            text = f"words for {to and to[-1]}\n"
            guest.write(text.encode())
            expected += text
            time.sleep(0.1)
        check(guest.migrate(*machines.options(), env=machines.env())[0] == 0, "and there once more")
        result = yado("checkpoint", guest.name)
        check(result[0] == 2 and "ssh://there" in result[2], "no checkpoint from here", result)
        guest.process.stdin.close()
        check(guest.end() == (0, expected, ""), "streams stay over there and back", guest.output())

        guest = FOLDER.guest(GUESTS / "fib.wasm", "42")
        result = guest.migrate(*machines.options(), env=machines.env())
        check(result[0] == 0, "a computing guest", result)
        check(guest.end() == (0, "fib(42) = 267914296\n", ""), "its result and exit code come back", guest.output())
        check(machines.names().count("\n") == 1, "nothing is left there", machines.names())

        guest = FOLDER.guest("--dir", f"{HERE}::/data", GUESTS / "sleep.wasm", "1", "60000")
        for directory, words in ((f"{HERE}/nowhere::/data", "nowhere"), (f"{HERE}::/other", "--dir")):
            result = guest.migrate(*machines.options(), "--dir", directory, env=machines.env())
            check(result[0] != 0 and words in result[2], f"--dir {directory}", result)
        guest.process.terminate()
        guest.end()
        guest = FOLDER.guest("--dir", f"{HERE}::/data", GUESTS / "sleep.wasm", "1", "8000")
        result = guest.migrate(*machines.options(), "--dir", f"{machines.folder}::/data", "--detach",
                               env=machines.env())
        check(result[0] == 0 and guest.end()[0] == 85, "--detach", (result, guest.output()))
        check(guest.name in machines.names(), "it runs there by itself", machines.names())
        until(lambda: guest.name not in machines.names())
        logs = list((machines.folder / "state" / "yadokari").glob("*.log"))
        check(len(logs) == 1 and logs[0].read_text(), "its output is in a file there", logs)
    finally:
        machines.close()


def test_detached():
    """A detached guest is moved on from where it is; its snapshots of --every are written there."""
    machines = Machines()
    kept = machines.folder / "state" / "yadokari"
    there = {**os.environ, "XDG_RUNTIME_DIR": f"{machines.folder}/run", "XDG_STATE_HOME": f"{machines.folder}/state"}
    try:
        guest = FOLDER.guest("--every", "200ms", "--snapshot", "every.snap", GUESTS / "fib.wasm", "42")
        result = guest.migrate(*machines.options(), "--detach", env=machines.env())
        check(result[0] == 0 and guest.end()[0] == 85, "--detach", (result, guest.output()))
        for host in ("wasmtime", "native"):
            result = run(YADO, "migrate", "--host", host, guest.name, env=there, cwd=HERE)
            check(result.returncode == 0 and "downtime" in result.stdout, f"moved on, to {host}", result)
            check(f"{guest.name} " in machines.names() and host in machines.names(), "it is listed", machines.names())
        until(lambda: list(kept.glob("*.every.snap")))
        snapshots = list(kept.glob("*.every.snap"))
        check(len(snapshots) == 1, "--every goes on there", list(kept.iterdir()))
        until(lambda: guest.name not in machines.names(), 120)
        logs = list(kept.glob("*.log"))
        check(len(logs) == 1 and logs[0].read_text() == "fib(42) = 267914296\n", "its output, and nothing else, is there",
              [log.read_text() for log in logs])
        check(yado("keygen", "mine")[0] == 0, "a key")
        guest = FOLDER.guest("--every", "200ms", "--trigger", "now", "--snapshot", "every.snap", "--sign", "mine.key",
                      GUESTS / "sleep.wasm", "1", "60000")
        result = guest.migrate(*machines.options(), env=machines.env())
        check(result[0] == 0 and "--every and the keys stay" in result[1] and "--trigger stays: now" in result[1],
              "signed snapshots are not written there, and no trigger is looked for", result)
        guest.process.terminate()
        guest.end()
    finally:
        machines.close()


CUTS = (  # message after which the connection is cut, its direction, and whether the guest has moved then
    ("H", "there", "here"), ("F", "there", "here"), ("last", "back", "here"), ("G", "drop", "here"),
    ("G", "there", "there"), ("U", "back", "there"), ("D", "there", "there"))


def test_cut():
    """The connection is cut at each phase: afterwards the guest runs in one place, or is kept in one."""
    machines = Machines()
    try:
        for kind, direction, place in CUTS:
            what = f"cut at {kind} {direction}"
            # there it must run longer than it takes to find out that nobody listens
            number, result_line = (41, "fib(41) = 165580141\n") if place == "here" else (42, "fib(42) = 267914296\n")
            guest = FOLDER.guest(GUESTS / "fib.wasm", number)
            result = guest.migrate(*machines.options("2s"), env=machines.env(f"{kind} {direction}"))
            ended = guest.end(60) if place == "here" else None
            if place == "here":
                check(result[0] == 125 and guest.name in result[2], f"{what}: refused", result)
                check(ended == (0, result_line, ""), f"{what}: the guest goes on here", ended)
            machines.up()
            until(lambda: guest.name not in machines.names())
            kept = machines.kept()
            check(guest.name not in machines.names(), f"{what}: nothing runs there", machines.names())
            if place == "here":
                check(not kept, f"{what}: nothing is kept there", kept)
                continue
            ended = guest.end(60)
            check(ended[0] == 125 and "fib(" not in ended[1], f"{what}: yado run here ends", (ended, result))
            if check(len(kept) == 1, f"{what}: the guest is kept there", (kept, ended, result)):
                result = yado("restore", kept[0])
                check(result[:2] == (0, result_line), f"{what}: and goes on from there", result)
                kept[0].unlink()
    finally:
        machines.close()


def test_two_generals():
    """Cut after GO and never back: this side keeps the guest stopped, and says how to find out."""
    machines = Machines()
    state = HERE / "state-here"
    if not machines.apart:
        skip("cut for good after GO", "on loopback the other side can always be asked")
        machines.close()
        return
    try:
        os.environ["XDG_STATE_HOME"] = str(state)
        guest = FOLDER.guest(GUESTS / "fib.wasm", "42")
        result = guest.migrate(*machines.options("2s"), env=machines.env("G lost"))
        ended = guest.end(60)
        kept = list((state / "yadokari").glob("*.snap"))
        check(result[0] == 125 and "--ask" in result[2], "told what to do", result)
        check(ended[0] == 125 and ended[1] == "" and len(kept) == 1 and str(kept[0]) in ended[2],
              "it is kept here", (ended, kept))
        token = re.search(r"--ask ([0-9a-f]{32})", result[2])
        machines.up()
        for answer in range(2):
            asked = run("ssh", "-F", HERE / "ssh_config", "there", f"{machines.variables()} receive --ask {token[1]}")
            check("state=revoked" in asked.stdout, "asked, the other side never begins it", asked)
        if kept:
            result = yado("restore", kept[0])
            check(result[:2] == (0, "fib(42) = 267914296\n"), "and it goes on from what was kept", result)
    finally:
        os.environ["XDG_STATE_HOME"] = str(HERE / "state")
        machines.close()


# ---- how a guest ends there

class There:
    """`yado receive` on this machine, with a registry and a state of its own; ssh is a shell."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="here-", dir=HERE))
        (self.folder / "run").mkdir(mode=0o700)
        self.ssh = self.folder / "ssh"
        self.ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
        self.ssh.chmod(0o755)
        self.registry = self.folder / "run" / f"yadokari-{os.getuid()}"

    def options(self, host):
        command = f"env XDG_RUNTIME_DIR={self.folder}/run XDG_STATE_HOME={self.folder}/state {YADO}"
        return "--to", "ssh://there", "--remote-yado", command, "--host", host, "--link-timeout", "20s"

    def env(self):
        return {"YADO_SSH": str(self.ssh)}

    def process(self, guest):
        """The guest's own, or its host's: the child of the yado receive that looks after it."""
        info = (self.registry / guest.name / "info").read_text()
        receive = re.search(r"^pid=(\d+)", info, re.M)[1]
        return children(receive)[0]

    def processes(self):
        mine = f"XDG_STATE_HOME={self.folder}/state".encode()
        return [path for path in pathlib.Path("/proc").glob("[0-9]*/environ") if mine in read_bytes(path)]

    def left(self):
        """All that a guest leaves here, modules aside."""
        until(lambda: not self.processes())
        files = [path for path in (self.folder / "state").rglob("*") if path.is_file() and path.parent.name != "modules"]
        return files, list(self.registry.iterdir()), self.processes()


def read_bytes(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


TRAPS = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (func $waits (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start") (call $waits) unreachable))"""
EXITS = TRAPS.replace("(memory", """(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory""").replace("unreachable", "(call $exit (i32.const 7))")
TURNS = TRAPS.replace("unreachable", "(loop (br 0))")


def module(text, name):
    path = HERE / f"{name}.wasm"
    if not path.exists():
        (HERE / f"{name}.wat").write_text(text)
        check(run(TOOLS / "bin" / "wasm-tools", "parse", HERE / f"{name}.wat", "-o", path).returncode == 0, f"{name}.wat")
    return path


def test_ends():
    """In whatever way a guest ends elsewhere, that comes back, and nothing of it is left there."""
    there = There()

    def ends(what, host, options, text, code, kill=None, words="", wakes=True):
        guest = FOLDER.guest(*options, module(text, "exits" if text is EXITS else "traps" if text is TRAPS else "turns"),
                      stdin=subprocess.PIPE)
        what = f"{what}, {' '.join(options)} to {host}"
        result = guest.migrate(*there.options(host), env=there.env())
        if not check(result[0] == 0, what, (result, guest.output())):
            guest.end()
            return
        if kill:
            os.kill(there.process(guest) if kill[0] == "there" else guest.process.pid, kill[1])
        elif wakes:
            guest.write(b"x")
        ended = guest.end()
        check(ended[0] == code and words in ended[2], f"{what} ends with {code}", ended)
        check(there.left() == ([], [], []), f"{what}: nothing is left there", there.left())

    sealed = ("--tier", "sealed", "--host", "wasmtime")
    for options, host in (((), "native"), ((), "wasmtime"), (sealed, "wasmtime"), (sealed, "native")):
        ends("an exit code", host, options, EXITS, 7)
        ends("a trap", host, options, TRAPS, 134)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[:1 if options else 3]:
            ends(f"signal {number} from here", host, options, TURNS, 128 + number, ("here", number))
    for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM,
                   signal.SIGTERM):
        ends(f"signal {number} there", "native", (), TURNS, 128 + number, ("there", number))
    ends("a host that is killed", "wasmtime", (), TURNS, 125, ("there", signal.SIGKILL), "signal 9")
    for host in ("native", "wasmtime"):
        ends("a time limit", host, ("--timeout", "6s"), TURNS, 134, None, "time", False)
        ends("a fuel limit", host, ("--max-fuel", "20000000"), TURNS, 134, None, "fuel")
    guest = FOLDER.guest("--host", "native", GUESTS / "sleep.wasm", "1", "60000")
    check(guest.migrate(*there.options("native"), "--detach", env=there.env())[0] == 0 and guest.end()[0] == 85,
          "detached", guest.output())
    os.kill(there.process(guest), signal.SIGKILL)
    files, entries, processes = there.left()
    check((entries, processes) == ([], []) and [file.suffix for file in files] == [".log"],
          "a detached guest that is killed leaves its log", (files, entries, processes))


def test_killed():
    """A receiver that is killed takes its guest with it, and who asks is told that it is lost."""
    there = There()
    guest = FOLDER.guest(module(TURNS, "turns"), stdin=subprocess.PIPE)
    if check(guest.migrate(*there.options("native"), env=there.env())[0] == 0, "it runs there", guest.output()):
        ask = f"{there.options('native')[3]} receive --ask "
        token = next((there.folder / "state" / "yadokari" / "moves").glob("*.life")).stem
        asked = run("sh", "-c", ask + token)
        check(asked.stdout.startswith("state=started\n"), "asked, it runs there", asked)
        process = there.process(guest)
        info = (there.registry / guest.name / "info").read_text()
        os.kill(int(re.search(r"^pid=(\d+)", info, re.M)[1]), signal.SIGKILL)
        ended = guest.end()
        check(ended[0] == 125 and f"--ask {token}" in ended[2], "told here what to do", ended)
        until(lambda: not pathlib.Path(f"/proc/{process}").exists())
        for turn in range(2):
            asked = run("sh", "-c", ask + token)
            check(asked.returncode == 0 and asked.stdout.startswith("state=lost\nthen="), "it is lost", asked)
    guest.end()


TESTS = (test_local, test_sealed, test_soon, test_streams, test_refusals, test_ends, test_killed, test_remote,
         test_detached, test_cut, test_two_generals)

if __name__ == "__main__":
    checks.run(TESTS)
