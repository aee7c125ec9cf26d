#!/usr/bin/env python3
"""Containers: yado-oci's command line over the runtime that is below it, then podman and containerd with it. What
scripts/setup.sh --only containers has not installed, or this machine does not allow, is skipped and said.

    oci.py [TEST...]     only these
"""

import atexit
import contextlib
import copy
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from checks import check, finish, run, skip
from guest import until
from travel import GUESTS, ROOT, TOOLS

YADO_OCI = ROOT / "build" / "yado-oci"
RECORDED = ROOT / "tests" / "data" / "containers"  # config.json as engines wrote them for tests like these
BUSYBOX = TOOLS / "bin" / "busybox"
HERE = pathlib.Path(tempfile.mkdtemp(prefix="yado-oci-"))
STATE = HERE / "state"
CRIU = HERE / "criu"  # the folder that engines get in their PATH
atexit.register(shutil.rmtree, HERE, True)
GROW = """(module (memory (export "memory") 1) (func (export "_start") (local $at i32) (local $end i32)
  (loop $more
    (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
    (local.set $end (i32.add (local.get $at) (i32.const 1048576)))
    (loop $touch (i32.store (local.get $at) (local.get $at)) (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $touch (i32.lt_u (local.get $at) (local.get $end))))
    (br $more))))"""


def tool(name):
    path = TOOLS / "bin" / name
    return str(path) if path.exists() else None


def command(*words, env=None, seconds=120, **options):
    """What it prints is read from a file: a pipe stays open as long as a container has it."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT, **options}
        result = subprocess.run([str(word) for word in words], env={**os.environ, **(env or {})}, timeout=seconds, **options)
        output.seek(0)
        result.stdout = output.read()
    return result


# ---- bundles

def config(*args, mounts=(), **process):
    """What `runc spec` writes, for this module and these arguments, without namespaces of the network's."""
    return {"ociVersion": "1.0.2", "root": {"path": "rootfs"},
            "process": {"user": {"uid": 0, "gid": 0}, "args": list(args), "env": ["PATH=/bin"], "cwd": "/", **process},
            "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                       {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
                        "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}, *mounts],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]}}


def bundle(name, content, *programs):
    folder = HERE / name
    (folder / "rootfs").mkdir(parents=True, exist_ok=True)
    for program in programs:
        shutil.copy(program, folder / "rootfs")
    (folder / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def oci(*words, **options):
    return command(YADO_OCI, "--root", STATE, "--log", HERE / "log", "--log-format=json", *words, **options)


def said():
    return json.loads((HERE / "log").read_text().splitlines()[-1])


def state(name):
    return json.loads(oci("state", name).stdout or "{}")


def has_ended(name):
    return state(name).get("status") == "stopped"


@contextlib.contextmanager
def created(name, folder, *words, output):
    """A container whose output goes to a file: its process has the descriptor for as long as it lives."""
    with open(output, "a") as file:
        result = oci(*(words or ("create",)), "--bundle", folder, "--pid-file", HERE / "pid", name,
                     stdout=file, stderr=subprocess.STDOUT)
    try:
        yield result.returncode
    finally:
        oci("delete", "--force", name)


def left():
    """What is kept of containers, ours and the runtime's below."""
    return [path for kind in ("guests", "crun", "runc") for path in (STATE / kind).glob("*")]


GUEST = {"hello": GUESTS / "hello.wasm", "sleep": GUESTS / "sleep.wasm"}
HELLO = ["Hello from the guest!", "argument 1: a b"]


def numbers(path):
    return [int(number) for number in re.findall(r"^sleep (\d+) of", pathlib.Path(path).read_text(), re.M)]


# ---- the command line

def test_commands():
    result = command(YADO_OCI, "--version")
    check(result.returncode == 0 and "spec: 1." in result.stdout, "--version", result)
    features = json.loads(command(YADO_OCI, "--root", STATE, "features").stdout)
    check(features["ociVersionMin"] == "1.0.0" and features["ociVersionMax"].startswith("1."), "features", features)
    check(features["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "true", "features: checkpoints")
    check(command(YADO_OCI, "checkpoint", "--help").returncode == 0, "checkpoint --help, by which podman decides")
    check(oci("nonsense").returncode == 1 and said()["msg"] == "unknown command nonsense" and
          said()["level"] == "error" and said()["time"].endswith("Z"), "an error is a line of JSON", said())
    check(oci("state", "nobody").returncode == 1 and said()["msg"] == "container nobody does not exist", "state", said())
    check(oci("start", "../x").returncode == 1 and "not a container's id" in said()["msg"], "an id that is a path", said())
    check(oci("delete", "nobody").returncode == 1, "delete of what is not there")
    check(oci("delete", "--force", "nobody").returncode == 0, "delete --force of what is not there")
    check(oci("list", "-q").stdout == "" and json.loads(oci("list", "--format", "json").stdout) == [], "list of nothing")
    CRIU.mkdir(exist_ok=True)
    if not (CRIU / "criu").exists():
        (CRIU / "criu").symlink_to(YADO_OCI)
    check(command(CRIU / "criu", "--version").stdout == "Version: 4.2\n", "what engines ask criu")
    check(command(CRIU / "criu", "dump").returncode != 0, "nothing else is asked of it")


def test_run():
    folder = bundle("run", config("/hello.wasm", "a b"), GUEST["hello"])
    with created("run", folder, output=HERE / "run.out") as code:
        check(code == 0 and state("run")["status"] == "created", "create", said)
        check(state("run")["bundle"] == str(folder), "state tells the engine's bundle", state("run"))
        check(str(state("run")["pid"]) == (HERE / "pid").read_text().strip(), "--pid-file")
        check((HERE / "run.out").read_text() == "", "it waits for start")
        check(oci("create", "--bundle", folder, "run").returncode != 0 and "exists already" in said()["msg"], "twice", said())
        check(oci("start", "run").returncode == 0 and until(lambda: has_ended("run")), "start")
        check((HERE / "run.out").read_text().splitlines()[:2] == HELLO, "its output", (HERE / "run.out").read_text())
        check("run" in oci("list", "-q").stdout.split(), "list")
        check(oci("delete", "run").returncode == 0, "delete")
    check(left() == [], "nothing is left", left())
    check(sorted(path.name for path in (folder / "rootfs").iterdir()) == ["dev", "hello.wasm", "proc"],
          "nothing of ours is in the image", list((folder / "rootfs").iterdir()))


def test_found():
    """Where the program is: by PATH, in the working directory, in what is bound into the container."""
    bound = [{"destination": "/bound", "type": "bind", "source": str(GUESTS), "options": ["rbind", "ro"]}]
    for args, more in ((["hello.wasm", "a b"], {}), (["./hello.wasm", "a b"], {}), (["hello.wasm", "a b"], {"cwd": "/bin"}),
                       (["/bound/hello.wasm", "a b"], {"mounts": bound})):
        folder = bundle("found", config(*args, **more), GUEST["hello"])
        (folder / "rootfs" / "bin").mkdir(exist_ok=True)
        if more.get("cwd"):
            shutil.copy(GUEST["hello"], folder / "rootfs" / "bin")
        (HERE / "found.out").unlink(missing_ok=True)
        with created("found", folder, output=HERE / "found.out") as code:
            check(code == 0 and oci("start", "found").returncode == 0 and until(lambda: has_ended("found")), f"found {args}")
        check((HERE / "found.out").read_text().splitlines()[:2] == HELLO, f"found {args} {more}",
              (HERE / "found.out").read_text())


def test_seen():
    """What a guest sees is the image and what is bound into it, and neither /proc nor this runtime's own folder."""
    (HERE / "own").mkdir(exist_ok=True)
    (HERE / "own" / "x").write_text("from outside")
    mounts = [{"destination": "/ro", "type": "bind", "source": str(HERE / "own"), "options": ["bind", "ro"]},
              {"destination": "/link/rw", "type": "bind", "source": str(HERE / "own"), "options": ["bind", "rw"]},
              {"destination": "/memory", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}]
    expected = {"read:/ro/x": "from outside", "write:/ro/y": "cannot be written", "write:/real/rw/y": "written",
                "write:/memory/z": "written", "read:/proc/self/cmdline": "cannot be opened",
                "read:/dev/.yado/init": "cannot be opened", "write:/dev/null": "written", "env:KEY": "a value",
                "env:PWD": "/memory", "env:XDG_RUNTIME_DIR": "not there"}
    folder = bundle("seen", config("/seen.wasm", *expected, mounts=mounts, env=["KEY=a value"], cwd="/memory"),
                    GUESTS / "seen.wasm")
    (folder / "rootfs" / "real").mkdir()
    (folder / "rootfs" / "link").symlink_to("/real")
    with created("seen", folder, output=HERE / "seen.out") as code:
        check(code == 0 and oci("start", "seen").returncode == 0 and until(lambda: has_ended("seen")), "it runs")
    lines = (HERE / "seen.out").read_text().splitlines()
    check(lines == [f"{what} {found}" for what, found in expected.items()], "what a guest sees", lines)
    check((HERE / "own" / "y").exists() and (HERE / "own" / "y").read_text() == "written\n",
          "a volume below a link of the image's is written to")


def test_killed():
    folder = bundle("killed", config("/sleep.wasm", "1000", "50"), GUEST["sleep"])
    for number in ("TERM", "9"):
        with created("killed", folder, output=HERE / "killed.out"):
            oci("start", "killed")
            check(until(lambda: numbers(HERE / "killed.out")), "it runs")
            check(oci("delete", "killed").returncode != 0, "what runs is not deleted without --force")
            check(oci("kill", "killed", number).returncode == 0 and until(lambda: has_ended("killed")), f"kill {number}")
    with created("killed", folder, output=HERE / "killed.out"):
        oci("start", "killed")
        check(oci("delete", "--force", "killed").returncode == 0, "delete --force of what runs")
    check(left() == [], "nothing is left", left())


def test_user_and_exec():
    content = config("/sleep.wasm", "1000", "50", user={"uid": 1234, "gid": 77})
    folder = bundle("exec", content, GUEST["sleep"], BUSYBOX)
    with created("exec", folder, output=HERE / "exec.out"):
        oci("start", "exec")
        check(until(lambda: numbers(HERE / "exec.out")), "a guest of another user runs", (HERE / "exec.out").read_text())
        (HERE / "process.json").write_text(json.dumps({**content["process"], "args": ["/busybox", "id", "-u"]}))
        result = oci("exec", "--process", HERE / "process.json", "exec")
        check(result.stdout.strip() == "1234", "exec of a native program, as the same user", result)
        result = oci("exec", "exec", "/busybox", "ls", "/dev/.yado/control")
        check(result.returncode == 0, "options behind the id are the command's", result)
        (HERE / "image").mkdir(exist_ok=True)
        result = oci("checkpoint", "--image-path", HERE / "image", "exec")
        check(result.returncode == 0 and until(lambda: has_ended("exec")), "a checkpoint of another user's", result)


def test_control_is_not_trusted():
    """Links that a process of the container's has put into its control directory lead nowhere outside."""
    secret = HERE / "secret"
    secret.write_text("nobody's business")
    folder = bundle("cheat", config("/sleep.wasm", "1000", "50"), GUEST["sleep"], BUSYBOX)
    with created("cheat", folder, output=HERE / "cheat.out"):
        oci("start", "cheat")
        check(until(lambda: numbers(HERE / "cheat.out")), "it runs")
        oci("exec", "cheat", "/busybox", "sh", "-c",
            f"cd /dev/.yado/control/yadokari-0/guest && rm -f answer && /busybox ln -s {secret} answer && "
            f"/busybox ln -s {secret} request.yado.part")
        oci("checkpoint", "--leave-running", "--image-path", HERE / "cheated", "cheat")
    check(secret.read_text() == "nobody's business", "a file outside is as it was")


# ---- what cannot be

def test_bad_config():
    good = config("/hello.wasm")
    text = json.dumps(good)
    bad = {"nothing": "", "cut": text[:len(text) // 2], "cut at its end": text[:-1], "a list": "[]", "a number": "1",
           "too deep": "[" * 100000, "no UTF-8": '{"a": "\udcff"}'.encode("utf-8", "surrogateescape").decode("latin-1")}
    for path, value in ((("ociVersion",), "2.0"), (("ociVersion",), 1), (("process",), None), (("process", "args"), []),
                        (("process", "args"), [1]), (("process", "args"), "/hello.wasm"), (("process", "cwd"), "here"),
                        (("process", "env"), [None]), (("process", "user"), {"uid": -1}), (("process", "user"), 3),
                        (("process", "user"), {"uid": 1 << 40}), (("root",), {}), (("root",), []), (("root", "path"), ""),
                        (("mounts",), {}), (("mounts",), [1]), (("mounts",), [{"destination": 1}]),
                        (("mounts",), [{"destination": "/x", "type": "bind"}]),
                        (("mounts",), [{"destination": "/x", "options": [1]}]), (("linux",), 1),
                        (("linux", "resources"), []), (("linux", "resources"), {"memory": {"limit": "much"}}),
                        (("linux", "uidMappings"), [{"size": 1}]), (("annotations",), {"a": 1}), (("annotations",), []),
                        (("linux", "devices"), [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]),
                        (("annotations",), {"yadokari.dev/host": "nowhere"}),
                        (("annotations",), {"yadokari.dev/every": "often"})):
        changed = copy.deepcopy(good)
        at = changed
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = value
        bad[f"{'.'.join(path)} = {value}"] = changed
    for what, content in bad.items():
        folder = bundle("bad", content, GUEST["hello"])
        (HERE / "log").write_text("")
        result = oci("create", "--bundle", folder, "bad", seconds=60)
        check(result.returncode == 1 and said()["level"] == "error", what, result)
        check(left() == [], f"{what}: no half-made container", left())
        check(oci("delete", "--force", "bad").returncode == 0, f"{what}: delete --force")
    check(left() == [], "nothing is left", left())
    missing = bundle("missing", config("/nothing.wasm"))
    check(oci("create", "--bundle", missing, "bad").returncode != 0, "a program that is not there")
    compat = {**config("/text"), "annotations": {"module.wasm.image/variant": "compat"}}
    check(oci("create", "--bundle", bundle("compat", compat), "bad").returncode == 1 and
          said()["msg"] == "/text: there is no such module in the container", "an image that has no module", said())
    check(oci("create", "--bundle", HERE / "nowhere", "bad").returncode == 1 and "no bundle" in said()["msg"], "no bundle")
    oci("delete", "--force", "bad")
    check(left() == [], "nothing is left", left())


def test_half_made():
    """What a call that was killed has left is removed."""
    folder = STATE / "guests" / "half" / "control"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(HERE)
    check(oci("delete", "--force", "half").returncode == 0 and left() == [] and HERE.exists(), "half a container", left())


# ---- config.json of engines

def adapted(path, folder):
    """As it was written, but for what was the machine's where it was written."""
    content = json.loads(path.read_text())
    content["root"]["path"] = str(folder / "rootfs")
    content["mounts"] = [mount for mount in content["mounts"] if mount["source"] in ("proc", "tmpfs", "sysfs", "devpts",
                         "mqueue", "shm", "cgroup") or pathlib.Path(mount["source"]).exists()]
    content["mounts"] = [mount for mount in content["mounts"] if mount["type"] not in ("cgroup", "sysfs")]
    content["linux"]["namespaces"] = [{"type": kind["type"]} for kind in content["linux"]["namespaces"]
                                      if kind["type"] not in ("network", "cgroup")]
    content["linux"].pop("cgroupsPath", None)
    content["process"]["args"] = ["/hello.wasm", "a b"]
    return content


def test_recorded():
    for path in sorted(RECORDED.glob("*.json")):
        folder = HERE / f"recorded-{path.stem}"
        folder = bundle(folder.name, adapted(path, folder), GUEST["hello"])
        output = HERE / f"{path.stem}.out"
        with created("recorded", folder, output=output) as code:
            check(code == 0 and oci("start", "recorded").returncode == 0 and until(lambda: has_ended("recorded")),
                  f"{path.stem}: it runs", output.read_text())
        check(output.read_text().splitlines()[:2] == HELLO, f"{path.stem}: its output", output.read_text())


# ---- checkpoints

def take(name, image, *options):
    image.mkdir(exist_ok=True)
    return oci("checkpoint", "--image-path", image, "--work-path", image, *options, name)


def goes_on(name, folder, image, output, before, *options):
    """Restores; whether the guest counts on from `before` without a number missing or twice."""
    with created(name, folder, "restore", "--image-path", image, "--detach", "-no-subreaper", *options, output=output) as code:
        check(code == 0, f"{name}: restore", output.read_text())
        check(until(lambda: len(numbers(output)) > before + 3), f"{name}: it goes on", output.read_text())
    check(numbers(output) == list(range(1, len(numbers(output)) + 1)), f"{name}: every number once", numbers(output))


def test_checkpoint():
    folder = bundle("ck", config("/sleep.wasm", "1000", "50"), GUEST["sleep"])
    output, image = HERE / "ck.out", HERE / "ck-image"
    with created("ck", folder, output=output):
        oci("start", "ck")
        check(until(lambda: len(numbers(output)) > 3), "it runs", output.read_text())
        image.mkdir()
        result = take("ck", image / "running", "--leave-running")
        count = len(numbers(output))
        check(result.returncode == 0 and until(lambda: len(numbers(output)) > count + 2), "--leave-running", result)
        check(oci("pause", "ck").returncode == 0 and state("ck")["status"] == "paused", "pause")
        result = take("ck", image / "paused", "--leave-running", "--file-locks", "--tcp-established")
        count = len(numbers(output))
        check(result.returncode == 0 and state("ck")["status"] == "paused", "one that is paused stays so", result)
        check(oci("resume", "ck").returncode == 0 and until(lambda: len(numbers(output)) > count), "resume")
        result = take("ck", image / "last")
        check(result.returncode == 0 and has_ended("ck"), "a checkpoint ends it before it returns", result)
        check({path.name for path in (image / "last").iterdir()} ==
              {"guest.snap", "inventory.img", "dump.log", "stats-dump"}, "its files", list((image / "last").iterdir()))
        check(take("ck", image / "again").returncode == 1 and "is not running" in said()["msg"], "one that has ended", said())
    check("yado" not in output.read_text(), "nothing is said into the guest's output", output.read_text())
    goes_on("ck2", folder, image / "last", output, len(numbers(output)))
    check(left() == [], "nothing is left", left())


def test_increments():
    folder = bundle("inc", config("/sleep.wasm", "1000", "50"), GUEST["sleep"])
    output, image = HERE / "inc.out", HERE / "inc-image"
    image.mkdir()
    with created("inc", folder, output=output):
        oci("start", "inc")
        check(until(lambda: len(numbers(output)) > 1), "it runs", output.read_text())
        check(take("inc", image / "pre-checkpoint", "--pre-dump").returncode == 0 and not has_ended("inc"), "--pre-dump")
        result = take("inc", image / "checkpoint", "--parent-path", "../pre-checkpoint")
        check(result.returncode == 0 and has_ended("inc"), "--parent-path", result)
    sizes = [(image / name / "guest.snap").stat().st_size for name in ("pre-checkpoint", "checkpoint")]
    check(sizes[1] < sizes[0], "only what changed", sizes)
    check(os.readlink(image / "checkpoint" / "parent") == "../pre-checkpoint", "the link to the one before")
    goes_on("inc2", folder, image / "checkpoint", output, len(numbers(output)))
    (image / "checkpoint" / "parent").unlink()
    with created("inc3", folder, "restore", "--image-path", image / "checkpoint", output=HERE / "inc3.out"):
        check(until(lambda: has_ended("inc3")), "without the one before it does not run")
    check(numbers(HERE / "inc3.out") == [], "nothing has run", (HERE / "inc3.out").read_text())


def test_bad_images():
    """A snapshot of another module, one that was changed, or none: refused before anything runs."""
    folder = bundle("forge", config("/sleep.wasm", "1000", "50"), GUEST["sleep"])
    image = HERE / "forge-image"
    with created("forge", folder, output=HERE / "forge.out"):
        oci("start", "forge")
        check(until(lambda: numbers(HERE / "forge.out")), "it runs")
        check(take("forge", image).returncode == 0, "checkpoint")
    snapshot = (image / "guest.snap").read_bytes()
    other = bundle("other", config("/hello.wasm"), GUEST["hello"])
    changed = bytearray(snapshot)
    changed[len(changed) // 2] ^= 1
    for what, where, contents in (("another module's", other, snapshot), ("changed", folder, bytes(changed)),
                                  ("cut", folder, snapshot[:-9]), ("empty", folder, b"")):
        (image / "guest.snap").write_bytes(contents)
        output = HERE / f"forged-{what}.out"
        with created("forged", where, "restore", "--image-path", image, output=output):
            check(until(lambda: has_ended("forged")), what)
        check("yado:" in output.read_text() and "sleep " not in output.read_text(), f"{what}: why", output.read_text())
    (image / "guest.snap").unlink()
    (image / "guest.snap").symlink_to("/etc/hostname")
    result = oci("restore", "--bundle", folder, "--image-path", image, "forged")
    check(result.returncode == 1 and "has no snapshot" in said()["msg"] and left() == [], "a link", (result, left()))


# ---- podman

def oci_image(path, name, entry, files):
    """An image of one layer, of local files: {destination: source}."""
    import hashlib
    import io
    import tarfile

    def digest(data):
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def add(archive, name, data, mode=0o644):
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), mode
        archive.addfile(member, io.BytesIO(data))

    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        for destination, source in files.items():
            add(archive, destination, pathlib.Path(source).read_bytes(), 0o755)
    layer = layer.getvalue()
    image = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": entry, "Env": ["PATH=/bin"]},
                        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
    kind = "application/vnd.oci.image."
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
        "config": {"mediaType": kind + "config.v1+json", "digest": digest(image), "size": len(image)},
        "layers": [{"mediaType": kind + "layer.v1.tar", "digest": digest(layer), "size": len(layer)}]}).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [{
        "mediaType": kind + "manifest.v1+json", "digest": digest(manifest), "size": len(manifest),
        "platform": {"architecture": "amd64", "os": "linux"},
        "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.split(":")[1]}}]})
    with tarfile.open(path, "w") as archive:
        add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add(archive, "index.json", index.encode())
        for blob in (layer, image, manifest):
            add(archive, "blobs/sha256/" + digest(blob)[7:], blob)


def images():
    modules = {"hello.wasm": GUEST["hello"], "sleep.wasm": GUEST["sleep"], "grow.wasm": HERE / "grow.wasm"}
    (HERE / "grow.wat").write_text(GROW)
    command(TOOLS / "bin" / "wasm-tools", "parse", HERE / "grow.wat", "-o", HERE / "grow.wasm").check_returncode()
    for name in ("sleep", "hello", "grow"):
        oci_image(HERE / f"{name}.tar", f"localhost/{name}:1", [f"/{name}.wasm"],
                  {f"{name}.wasm": modules[f"{name}.wasm"], "bin/sh": BUSYBOX, "bin/id": BUSYBOX})


PODMAN = {"CONTAINERS_CONF": str(HERE / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(HERE / "storage.conf"),
          "PODMAN_IGNORE_CGROUPSV1_WARNING": "1", "XDG_RUNTIME_DIR": str(HERE)}


def podman(*words, **options):
    return command(TOOLS / "bin" / "podman", *words,
                   env={**PODMAN, "PATH": f"{CRIU}:{os.environ['PATH']}"}, **options)


def podman_set_up():
    """Whether podman works on this machine at all, with the runtime below alone. The settings are those that a machine in a
    container needs; docs/containers.md has the two that users need."""
    if not tool("podman"):
        return "scripts/setup.sh --only containers"
    if (HERE / "containers.conf").exists():
        return ""
    CRIU.mkdir(exist_ok=True)
    if not (CRIU / "criu").exists():
        (CRIU / "criu").symlink_to(YADO_OCI)
    (HERE / "containers.conf").write_text(f"""[containers]
default_ulimits = []
netns = "none"
cgroupns = "host"
seccomp_profile = "unconfined"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "yado"
[engine.runtimes]
yado = ["{YADO_OCI}"]
""")
    (HERE / "storage.conf").write_text(f"""[storage]
driver = "overlay"
graphroot = "{HERE}/graph"
runroot = "{HERE}/run"
""")
    (HERE / "policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    images()
    for name in ("sleep", "hello", "grow"):
        result = podman("load", "--signature-policy", HERE / "policy.json", "-i", HERE / f"{name}.tar")
        if result.returncode:
            return result.stdout
    atexit.register(podman, "rm", "-f", "-a", "-t", "0")
    result = podman("run", "--rm", "--entrypoint", "/bin/sh", "localhost/hello:1", "-c", "echo native")
    return "" if result.stdout == "native\n" else result.stdout


def podman_numbers(name):
    return [int(number) for number in re.findall(r"^sleep (\d+) of", podman("logs", name).stdout, re.M)]


def podman_runs(name, count=1):
    return until(lambda: len(podman_numbers(name)) >= count)


def podman_test(test):
    def tested():
        why = podman_set_up()
        if why:
            return skip(test.__name__, why)
        test()
    tested.__name__ = test.__name__
    return tested


@podman_test
def test_podman_run():
    (HERE / "volume").mkdir(exist_ok=True)
    result = podman("run", "--rm", "-e", "KEY=value", "-v", f"{HERE}/volume:/v:ro", "-u", "1000:1000", "--read-only",
                    "localhost/hello:1", "a b")
    check(result.returncode == 0 and result.stdout.splitlines()[:2] == HELLO, "podman run", result)
    result = podman("run", "--rm", "-t", "localhost/hello:1", "a b")
    check(result.stdout.splitlines()[:2] == HELLO, "with a terminal", result)
    result = podman("run", "--rm", "--device", "/dev/full:/dev/other", "localhost/hello:1")
    check(result.returncode != 0 and "has no use for the device /dev/other" in result.stdout, "a device", result)
    check(podman("run", "-d", "--name", "r", "localhost/sleep:1", "100000", "50").returncode == 0 and podman_runs("r"),
          "podman run -d")
    result = podman("exec", "r", "/bin/sh", "-c", "echo in it")
    check(result.stdout == "in it\n", "podman exec", result)
    check(podman("pause", "r").returncode == 0 and podman("unpause", "r").returncode == 0, "podman pause and unpause")
    check(podman("stop", "-t", "30", "r").returncode == 0, "podman stop")
    check(podman("inspect", "r", "--format", "{{.State.ExitCode}}").stdout == "143\n", "SIGTERM ends the guest")
    check(podman("rm", "-f", "r").returncode == 0, "podman rm")


@podman_test
def test_podman_memory():
    result = podman("run", "--name", "m", "-m", "32m", "localhost/grow:1")
    check(result.returncode == 137, "what wants more memory than it may is killed", result)
    podman("rm", "-f", "m")


@podman_test
def test_podman_checkpoint():
    check(podman("run", "-d", "--name", "c", "localhost/sleep:1", "100000", "50").returncode == 0 and podman_runs("c", 3),
          "podman run -d")
    result = podman("container", "checkpoint", "--print-stats", "c")
    check(result.returncode == 0 and json.loads(result.stdout)["container_statistics"][0]["criu_statistics"],
          "podman container checkpoint --print-stats", result)
    before = len(podman_numbers("c"))
    result = podman("container", "restore", "--print-stats", "c")
    check(result.returncode == 0 and podman_runs("c", before + 3), "podman container restore", result)
    found = podman_numbers("c")
    check(found == list(range(1, len(found) + 1)), "every number once", found)
    check(podman("container", "checkpoint", "--leave-running", "--export", HERE / "c.tar", "c").returncode == 0,
          "--leave-running --export")
    podman("rm", "-f", "-t", "0", "c")
    result = podman("container", "restore", "--import", HERE / "c.tar", "--name", "c2")
    check(result.returncode == 0 and podman_runs("c2", before + 4), "--import", result)
    podman("rm", "-f", "-t", "0", "c2")


@podman_test
def test_podman_increments():
    check(podman("run", "-d", "--name", "i", "localhost/sleep:1", "100000", "50").returncode == 0 and podman_runs("i"),
          "podman run -d")
    result = podman("container", "checkpoint", "--pre-checkpoint", "--export", HERE / "pre.tar", "i")
    check(result.returncode == 0, "--pre-checkpoint", result)
    result = podman("container", "checkpoint", "--with-previous", "--export", HERE / "i.tar", "i")
    check(result.returncode == 0, "--with-previous", result)
    before = len(podman_numbers("i"))
    podman("rm", "-f", "-t", "0", "i")
    result = podman("container", "restore", "--import-previous", HERE / "pre.tar", "--import", HERE / "i.tar", "--name", "i2")
    check(result.returncode == 0 and podman_runs("i2", 1), "--import-previous", result)
    found = podman_numbers("i2")
    check(found and found[-1] > before, "it goes on where it was", (before, found[-3:]))
    podman("rm", "-f", "-t", "0", "i2")


# ---- containerd

def test_ctr():
    if not tool("containerd") or not tool("ctr"):
        return skip("containerd", "scripts/setup.sh --only containers")
    folder = HERE / "containerd"
    folder.mkdir()
    (folder / "config.toml").write_text(f"""version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing"]
[grpc]
address = "{folder}/socket"
[ttrpc]
address = "{folder}/socket.ttrpc"
""")
    CRIU.mkdir(exist_ok=True)
    if not (CRIU / "criu").exists():
        (CRIU / "criu").symlink_to(YADO_OCI)
    if not (HERE / "sleep.tar").exists():
        images()
    with open(folder / "log", "w") as log:
        daemon = subprocess.Popen([tool("containerd"), "-c", folder / "config.toml"], stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log, env={**os.environ, "PATH": f"{CRIU}:{os.environ['PATH']}"})
    try:
        containerd_tests(folder)
    finally:
        daemon.terminate()
        daemon.wait()


def containerd_tests(folder):
    def ctr(*words, **options):
        return command(TOOLS / "bin" / "ctr", "-a", folder / "socket", "-n", "yado", *words, **options)

    def status(name):
        found = re.search(rf"^{name} +\d+ +(\w+)", ctr("tasks", "ls").stdout, re.M)
        return found and found[1]

    def remove(name):
        ctr("tasks", "kill", "-s", "KILL", name)
        until(lambda: status(name) in (None, "STOPPED"))
        ctr("tasks", "rm", "-f", name)
        ctr("containers", "rm", name)

    runtime = ("--runtime", "io.containerd.runc.v2", "--runc-binary", YADO_OCI)
    if not until(lambda: ctr("version").returncode == 0):
        return skip("containerd", (folder / "log").read_text()[-500:])
    for name in ("sleep", "hello"):
        result = ctr("images", "import", HERE / f"{name}.tar")
        if result.returncode:
            return skip("containerd", result.stdout)
    output = HERE / "ctr.out"
    result = ctr("run", "--rm", *runtime, "localhost/hello:1", "h", "/hello.wasm", "a b")
    check(result.returncode == 0 and result.stdout.splitlines()[:2] == HELLO, "ctr run", result)
    result = ctr("run", "-d", "--log-uri", f"file://{output}", *runtime, "localhost/sleep:1", "s", "/sleep.wasm", "100000", "50")
    check(result.returncode == 0 and until(lambda: output.exists() and len(numbers(output)) > 2), "ctr run -d", result)
    result = ctr("containers", "checkpoint", "--task", "--rw", "--image", "s", "ck:1")
    before = len(numbers(output))
    check(result.returncode == 0 and until(lambda: len(numbers(output)) > before), "ctr containers checkpoint", result)
    result = ctr("tasks", "exec", "--exec-id", "e", "s", "/bin/id", "-u")
    check(result.stdout.strip() == "0", "ctr tasks exec", result)
    remove("s")
    with open(HERE / "ctr2.out", "w") as file:
        client = subprocess.Popen([tool("ctr"), "-a", folder / "socket", "-n", "yado", "containers", "restore", "--live", "--rw",
                                   "s2", "ck:1"], stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)
    check(until(lambda: status("s2") == "RUNNING"), "ctr containers restore --live", (HERE / "ctr2.out").read_text())
    result = ctr("tasks", "checkpoint", "--exit", "--image-path", HERE / "ctr-image", "s2")
    check(result.returncode == 0 and until(lambda: status("s2") in (None, "STOPPED")) and
          (HERE / "ctr-image" / "guest.snap").exists(), "ctr tasks checkpoint --exit", result)
    client.kill()
    client.wait()
    remove("s2")


TESTS = (test_commands, test_run, test_found, test_seen, test_killed, test_user_and_exec, test_control_is_not_trusted,
         test_bad_config, test_half_made, test_recorded, test_checkpoint, test_increments, test_bad_images, test_podman_run,
         test_podman_memory, test_podman_checkpoint, test_podman_increments, test_ctr)


def why_not():
    """Why no container can be made here: by runc itself, of a native program."""
    if os.geteuid() != 0:
        return "containers need root"
    if not tool("runc") or not tool("busybox"):
        return "no runc or busybox: scripts/setup.sh --only containers"
    folder = bundle("native", config("/busybox", "true"), BUSYBOX)
    result = command(tool("runc"), "--root", HERE / "runc", "run", "--bundle", folder, "native")
    return result.stdout.strip() if result.returncode else ""


def main():
    why = why_not()
    if why:
        for test in TESTS:
            skip(test.__name__, why)
        finish()
    run(TESTS)


if __name__ == "__main__":
    main()
