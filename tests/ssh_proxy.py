#!/usr/bin/env python3
"""An ssh that reads along, for tests/migrate.py: cuts the connection at a message of src/cli/native/link.h.

    ssh_proxy.py SSH-CONFIG WHERE COMMAND SSH-ARGUMENTS...

COMMAND cuts. WHERE is "TYPE there": when that message has gone there; "TYPE back": when it has come, before it is passed on; "TYPE lost": instead of
sending it; "TYPE drop": likewise, but only this connection ends. TYPE "last": the answer to the last
snapshot.
"""

import os
import subprocess
import sys
import threading
import time

CONFIG, CUT, CUTTER, *ARGUMENTS = sys.argv[1:]
KIND, _, WHERE = CUT.partition(" ")
asking = any("--ask" in argument for argument in ARGUMENTS)
ssh = subprocess.Popen(["ssh", "-F", CONFIG, *ARGUMENTS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
is_cut = threading.Event()
runs = threading.Event()  # the other side has said so
last_sent = False


def cut():
    """Nothing passes from now on, in either direction."""
    is_cut.set()
    if CUTTER == "kill":
        ssh.kill()
        os._exit(255)
    subprocess.run(CUTTER.split(), check=True)


def read_exactly(stream, size):
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            return None
        data += more
    return data


def messages(stream):
    while (head := read_exactly(stream, 5)) is not None:
        payload = read_exactly(stream, int.from_bytes(head[1:], "little"))
        if payload is None:
            return
        yield chr(head[0]), head + payload


def there(source, target):
    """What goes to the other machine."""
    global last_sent
    for kind, data in messages(source):
        if is_cut.is_set():
            continue
        if kind == KIND and WHERE == "drop":
            ssh.kill()
            os._exit(255)
        if kind == KIND and WHERE == "lost":
            cut()
            continue
        last_sent |= kind == "F" and data[5:] == b"last"
        target.write(data)
        target.flush()
        if kind == KIND and WHERE == "there":
            if kind == "G":
                is_cut.set()  # the answer does not pass
                runs.wait(10)
            else:
                time.sleep(0.3)
            cut()
    target.close()


def back(source, target):
    greeting = b""
    while not greeting.endswith(b"\nyado receive 1\n"):
        byte = source.read(1)
        if not byte:
            return
        greeting += byte
    target.write(greeting)
    target.flush()
    for kind, data in messages(source):
        if kind == "U":
            runs.set()
        if WHERE == "back" and not is_cut.is_set() and (kind == KIND or (
                KIND == "last" and last_sent and kind == "K")):
            cut()
        if not is_cut.is_set():
            target.write(data)
            target.flush()


if asking:
    sys.stdout.write(ssh.stdout.read().decode())
    sys.exit(ssh.wait())
threading.Thread(target=there, args=(sys.stdin.buffer, ssh.stdin), daemon=True).start()
back(ssh.stdout, sys.stdout.buffer)
os._exit(ssh.wait())  # the other thread may wait for input
