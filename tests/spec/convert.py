#!/usr/bin/env python3
"""Turns .wast files of the official test suite into scripts that spectest reads.

    convert.py --output DIRECTORY --wasm-tools PROGRAM FILE.wast...

The parent folder of a file is kept: wasm-v2/call.wast becomes DIRECTORY/wasm-v2/call.script, with its
modules in DIRECTORY/wasm-v2/call/. A line of a script is a command, its words separated by single
spaces:

    module LINE NAME FILE                  instantiate
    register LINE NAME STRING              make a module's exports importable under that name
    invoke LINE NAME STRING VALUES         call an export, whatever it returns
    return LINE NAME STRING VALUES = PATTERNS
    get LINE NAME STRING = PATTERN         an exported global
    trap LINE STRING(message) NAME STRING VALUES
    exhaustion LINE STRING(message) NAME STRING VALUES
    malformed|invalid|unlinkable|uninstantiable LINE STRING(message) FILE
    text LINE                              an assertion on the text format, which is only counted

and, in the scripts of tests/fuzz/smith.py:

    trap LINE STRING NAME STRING VALUES = FUNCIDX:OFFSET...
                                           the frames at the trap, innermost first; without an
                                           offset: anywhere in that function
    try LINE FUEL NAME STRING VALUES       call an export, whatever comes of it
    table LINE NAME STRING = PATTERNS      an exported table
    memory LINE NAME STRING = PAGES FILE   an exported memory; after the file's end, zeros

A STRING is 'x' and the hexadecimal digits of its UTF-8 bytes, so that nothing needs quoting. A NAME is
a STRING, or '-' for the latest module. A FILE is relative to the script's folder. A VALUE is TYPE:BITS
(decimal, of the bits) or TYPE:null; a PATTERN is a VALUE, TYPE:nan:canonical, TYPE:nan:arithmetic or
TYPE:* (any reference but null), funcref:STRING (the function exported by that name), or several of these joined by '|'.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys


def string(text):
    return "x" + text.encode("utf-8", "surrogatepass").hex()


def name(text):
    return string(text) if text else "-"


def value(entry):
    if entry["type"] == "either":
        return "|".join(value(one) for one in entry["values"])
    return f"{entry['type']}:{entry.get('value', '*')}"


def action(entry):
    words = [name(entry.get("module")), string(entry["field"])]
    return words + [value(one) for one in entry.get("args", [])]


def words_of(command, folder):
    """The words of a command after the line number, the first being the command itself."""
    kind = command["type"]
    short = kind.removeprefix("assert_")
    if kind == "module":
        return ["module", name(command.get("name")),
                f"{folder}/{command.get('binary_filename') or command['filename']}"]
    if kind == "register":
        return ["register", name(command.get("name")), string(command["as"])]
    if kind == "action" and command["action"]["type"] == "invoke":
        return ["invoke", *action(command["action"])]
    if kind == "assert_return":
        entry = command["action"]
        return ["get" if entry["type"] == "get" else "return", *action(entry), "=",
                *(value(one) for one in command["expected"])]
    if kind in ("assert_trap", "assert_exhaustion"):
        return [short, string(command["text"]), *action(command["action"])]
    if kind in ("assert_malformed", "assert_invalid", "assert_unlinkable", "assert_uninstantiable"):
        if command.get("module_type") == "text":
            return ["text"]
        return [short, string(command["text"]), f"{folder}/{command['filename']}"]
    raise ValueError(f"line {command['line']}: unknown command {kind}")


def convert(wasm_tools, source, output):
    """Writes the script of one .wast file; returns its path. What is up to date is left alone."""
    script = output / source.parent.name / f"{source.stem}.script"
    needs = max(source.stat().st_mtime, pathlib.Path(__file__).stat().st_mtime)
    if script.exists() and script.stat().st_mtime > needs:
        return script
    modules = script.with_suffix("")
    modules.mkdir(parents=True, exist_ok=True)
    listing = modules / "commands.json"
    done = subprocess.run([wasm_tools, "json-from-wast", source, "--wasm-dir", modules, "-o", listing],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{source}: {done.stderr.strip()}")
    lines = []
    for command in json.loads(listing.read_text())["commands"]:
        first, *rest = words_of(command, source.stem)
        lines.append(" ".join([first, str(command["line"]), *rest]))
    listing.unlink()
    new = script.with_suffix(".new")
    new.write_text("\n".join(lines) + "\n")
    os.replace(new, script)
    return script


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--wasm-tools", default="wasm-tools")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(convert, options.wasm_tools, source, options.output)
                for source in options.files]
        try:
            for job in jobs:
                print(job.result())
        except ValueError as error:
            sys.exit(f"convert.py: {error}")


if __name__ == "__main__":
    main()
