"""Guests of the tests: a folder in which yado is called, guests that run in the background there, and what is done to
them. A guest that is started has registered, or the test has failed."""

import atexit
import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from travel import GUESTS, ROOT

YADO = ROOT / "build" / "yado"
SECONDS = 120  # after which something never ends; no bound on what is slow

Result = collections.namedtuple("Result", "code out err")


def until(true, seconds=60):
    """Whether it came true in that time. Ask for what happens at last, not for how soon."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def children(pid):
    """The processes that a process has started, by their numbers."""
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Folder:
    """A new folder that goes at the end, with these programs of build/guests in it, and the environment that yado has
    there: variables that are None are not set."""

    def __init__(self, *programs, kind="test", yado=YADO, **variables):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"yado-{kind}-"))
        self.command = str(yado)
        self.variables = variables
        self.guests = []
        self.uid = os.getuid()  # whose yado it is
        for program in programs:
            shutil.copy(GUESTS / f"{program}.wasm", self.path)
        atexit.register(self.remove)

    def environment(self, variables=None):
        both = {**os.environ, **self.variables, **(variables or {})}
        return {name: str(value) for name, value in both.items() if value is not None}

    def start(self, *arguments, env=None, **options):
        """A yado in the background. `env` are variables besides the folder's."""
        options = {"cwd": self.path, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                   "text": True, "errors": "replace", **options}
        return subprocess.Popen([self.command, *map(word, arguments)], env=self.environment(env), **options)

    def yado(self, *arguments, input=None, seconds=SECONDS, **options):
        if input is not None:
            options["stdin"] = subprocess.PIPE
        return ended(self.start(*arguments, **options), seconds, input)

    def guest(self, *arguments, **options):
        return Guest(self, *arguments, **options)

    def remove(self):
        for guest in self.guests:
            guest.kill()
        shutil.rmtree(self.path, ignore_errors=True)


def says(result, code, *words):
    """Whether it ended with this, and said that."""
    return result[0] == code and all(word in result[1] + result[2] for word in words)


def word(argument):
    return os.fspath(argument) if isinstance(argument, (str, bytes, os.PathLike)) else str(argument)


def ended(process, seconds=SECONDS, input=None):
    """How a yado in the background ended. One that does not is killed, which no test takes for an end."""
    try:
        out, err = process.communicate(input, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Result("not ended", out, err)
    return Result(process.returncode, out, err)


class Guest:
    """A `yado run --name` in the background. Its output goes to files, so that it never waits for who reads it."""

    count = 0

    def __init__(self, folder, *arguments, name=None, command="run", wait=True, env=None, **options):
        Guest.count += 1
        self.folder = folder
        self.name = name or f"g{os.getpid()}-{Guest.count}"
        self.env = env
        self.files = [open(folder.path / f"guest-{Guest.count}.{suffix}", "w+b") for suffix in ("out", "err")]
        options = {"stdout": self.files[0], "stderr": self.files[1], "text": False, "errors": None, **options}
        self.process = folder.start(command, "--name", self.name, *arguments, env=env, **options)
        folder.guests.append(self)
        if wait:
            self.wait_registered()

    @property
    def entry(self):
        """Its directory in the registry."""
        runtime = self.folder.environment(self.env).get("XDG_RUNTIME_DIR") or "/tmp"
        return pathlib.Path(runtime) / f"yadokari-{self.folder.uid}" / self.name

    def wait_registered(self, seconds=SECONDS):
        """The entry's file costs less to look at than `yado ps`, which has the last word."""
        until(lambda: (self.entry / "info").exists() or self.process.poll() is not None, seconds)
        if not until(lambda: self.runs() or self.process.poll() is not None, seconds) or not self.runs():
            self.kill()
            raise RuntimeError(f"the guest {self.name} has never registered: {self.process.args} ended with "
                               f"{self.process.returncode}: {self.output()}")
        return self

    def settle(self):
        """Until its host has compiled what it runs, and it runs: then it answers for the first time."""
        result = self.checkpoint("--leave-running", "--output", f"{self.name}.settled")
        if result.code != 0:
            raise RuntimeError(f"the guest {self.name} does not answer: {result} {self.output()}")
        (self.folder.path / f"{self.name}.settled").unlink()
        return self

    def checkpoint(self, *options, **more):
        return self.folder.yado("checkpoint", *options, self.name, env=self.env, **more)

    def migrate(self, *options, env=None, **more):
        return self.folder.yado("migrate", *options, self.name, env={**(self.env or {}), **(env or {})}, **more)

    def where(self):
        """The host that `yado ps` says it is in; None when it is not there."""
        listed = self.folder.yado("ps", env=self.env).out
        found = re.search(rf"^{re.escape(self.name)} +(\S+(?: \S+)?) +\d+ ", listed, re.M)
        return found and found[1]

    def runs(self):
        return self.where() is not None

    def child(self):
        """The process that the guest is in: yado's own child, or a host."""
        until(lambda: children(self.process.pid))
        return children(self.process.pid)[0]

    def hold_back(self):
        """As long as it is stopped, nothing that is asked of it happens."""
        os.kill(self.child(), signal.SIGSTOP)

    def go_on(self):
        os.kill(self.child(), signal.SIGCONT)

    def snapshots(self):
        """That are written and not fetched."""
        return [path for path in self.entry.glob("snapshot.*") if not path.name.endswith(".part")]

    def holds(self):
        """It waits for who asked for its snapshot."""
        return [path for path in self.entry.glob("hold.*") if path.suffix not in (".part", ".leave")]

    def write(self, data):
        """To its standard input."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def output(self):
        return tuple(pathlib.Path(file.name).read_text(errors="replace") for file in self.files)

    def end(self, seconds=SECONDS):
        """How it ended by itself; one that does not is killed."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = "not ended"
        if self.process.stdin:
            self.process.stdin.close()
        return Result(code, *self.output())

    def kill(self, number=signal.SIGKILL):
        """kill -9, unless it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(SECONDS)
