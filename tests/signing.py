#!/usr/bin/env python3
"""Signed and encrypted snapshots: keys, refusals, chains, hosts, and what lies on the disk.

    signing.py [TEST...]     only these
"""

import os
import shutil
import signal
import stat
import time

import checks
from checks import check
from command import FOLDER, HERE, installed_hosts, start, yado
from guest import says

SECRET = "a-word-that-nobody-else-may-read"
RUNTIME = HERE / "runtime"
KEYS = ("--sign", "alice.key", "--encrypt-to", "bob.pub")
OPEN = ("--decrypt-with", "bob.key", "--require-signature", "alice.pub")


def snapshot(name, *options, guest=("fib.wasm", "15"), after=1000):
    """A snapshot of a guest that has SECRET in its memory."""
    result = yado("run", "--env", f"WORD={SECRET}", "--checkpoint-after", after, "--snapshot", name,
                  *options, *guest)
    check(result[:2] == (85, ""), f"snapshot {name} {options}", result)
    return (HERE / name).read_bytes()


def refused(what, *arguments, words=("refused",), code=125):
    result = yado("restore", *arguments)
    check(says(result, code, *words) and "610" not in result[1], what, result)


def test_keys():
    for suffix, mode in (("key", 0o600), ("pub", 0o644)):
        found = stat.S_IMODE((HERE / f"alice.{suffix}").stat().st_mode)
        check(found & ~mode == 0, f"mode of alice.{suffix}", oct(found))
    before = [(HERE / f"alice.{suffix}").read_text() for suffix in ("key", "pub")]
    check(says(yado("keygen", "alice"), 2, "alice.pub", "stays as it is"), "no key is replaced")
    shutil.copy(HERE / "alice.pub", HERE / "half.pub")
    check(says(yado("keygen", "half"), 2, "half.pub"), "nor a public one alone")
    check(not (HERE / "half.key").exists(), "and nothing is half made")
    shutil.copy(HERE / "alice.key", HERE / "other.key")
    check(says(yado("keygen", "other"), 2, "other.key") and not (HERE / "other.pub").exists(),
          "nor a secret one alone")
    check(before == [(HERE / f"alice.{suffix}").read_text() for suffix in ("key", "pub")], "they are as they were")
    check(says(yado("keygen"), 2, "NAME") and says(yado("keygen", "no/such/folder"), 125, "no/such"), "bad names")
    line = (HERE / "alice.pub").read_text().splitlines()[-1]
    (HERE / "damaged.pub").write_text(line[:30] + ("A" if line[30] != "A" else "B") + line[31:])
    (HERE / "open.key").write_bytes((HERE / "alice.key").read_bytes())
    (HERE / "open.key").chmod(0o640)
    for option, key, *words in (("--sign", "alice.pub", "public key"), ("--sign", "fib.wasm", "not a key"),
                                ("--encrypt-to", "alice.key", "secret key"),
                                ("--encrypt-to", "damaged.pub", "damaged"), ("--sign", "open.key", "0640", "chmod 600"),
                                ("--sign", (HERE / "alice.key").read_text().splitlines()[-1], "command line"),
                                ("--decrypt-with", "alice.pub", "public key"),
                                ("--require-signature", "alice.key", "secret key")):
        result = yado("run", option, key, "fib.wasm", "5")
        check(says(result, 2, option, *words) and "fib(5)" not in result[1], f"{option} {key}", result)
    check(says(yado("run", "--sign", "missing.key", "fib.wasm", "5"), 125, "missing.key"), "a missing key")


def test_signature():
    signed = snapshot("signed.snap", "--sign", "alice.key")
    check(SECRET.encode() in signed, "a signature hides nothing")
    plain = snapshot("plain.snap")
    line = (HERE / "alice.pub").read_text().splitlines()[-1]
    for keys in ((), ("alice.pub",), (line,), ("bob.pub", "alice.pub")):
        required = [word for key in keys for word in ("--require-signature", key)]
        result = yado("restore", *required, "signed.snap")
        check(result[:2] == (0, "fib(15) = 610\n"), f"signed, {keys} required", result)
    refused("not signed", "--require-signature", "alice.pub", "plain.snap", words=("plain.snap", "not signed"))
    refused("another key", "--require-signature", "bob.pub", "signed.snap", words=("signed.snap", "another key"))
    check(says(yado("inspect", "signed.snap"), 0, "envelope: signed by", "fib"), "inspect")
    # What is behind a wrong signature is not even looked at.
    (HERE / "junk.snap").write_bytes(signed[:72] + b"junk" * 100 + signed[-72:])
    refused("junk", "junk.snap", words=("junk.snap", "signature"))
    (HERE / "swapped.snap").write_bytes(signed[:72] + plain + signed[-72:])
    refused("another snapshot", "swapped.snap", words=("signature",))


def test_encryption():
    data = snapshot("closed.snap", *KEYS, "--encrypt-to", "carol.pub", "--embed-module")
    for word in (SECRET.encode(), b"fib", b"\0asm", b"YADO"):
        check(word not in data, f"{word} can be read in an encrypted snapshot")
    check(SECRET.encode() not in snapshot("again.snap", "--encrypt-to", "bob.pub"), "encrypted only")
    for key in ("bob", "carol"):
        result = yado("restore", "--decrypt-with", f"{key}.key", "--require-signature", "alice.pub", "closed.snap")
        check(result[:2] == (0, "fib(15) = 610\n"), f"opened by {key}", result)
    refused("no key", "closed.snap", words=("closed.snap", "encrypted to", "--decrypt-with"))
    refused("another key", "--decrypt-with", "alice.key", "closed.snap", words=("encrypted to", "not to the key"))
    refused("not signed", *OPEN, "again.snap", words=("again.snap", "not signed"))
    # Who takes the signature off and puts an own one on it, does not become the sender.
    forged = bytearray(data)
    forged[16:48] = snapshot("carols.snap", "--sign", "carol.key")[16:48]
    (HERE / "forged.snap").write_bytes(forged)
    refused("another signer's name", "--decrypt-with", "bob.key", "forged.snap")


def test_damage():
    """Changed bits, cuts, and bytes behind the end, anywhere."""
    for keys, opened in ((("--sign", "alice.key"), ()), (("--encrypt-to", "bob.pub"), ("--decrypt-with", "bob.key")),
                         (KEYS, ("--decrypt-with", "bob.key"))):
        whole = snapshot("whole.snap", *keys)
        places = {*range(0, 200, 9), *range(len(whole) - 90, len(whole), 7), *range(0, len(whole), len(whole) // 20)}
        for at in sorted(places):
            changed = bytearray(whole)
            changed[at] ^= 1 << at % 8
            (HERE / "bit.snap").write_bytes(changed)
            refused(f"a bit at {at}, {keys}", *opened, "bit.snap", words=("bit.snap", "refused"))
            (HERE / "cut.snap").write_bytes(whole[:at])
            refused(f"cut at {at}, {keys}", *opened, "cut.snap", words=("cut.snap", "refused"))
        (HERE / "more.snap").write_bytes(whole + b"x")
        refused(f"a byte more, {keys}", *opened, "more.snap", words=("more.snap", "refused"))
        check(yado("restore", *opened, "whole.snap")[1] == "fib(15) = 610\n", "the whole one")


def test_key_from_pipe():
    """A key that is never a file of its own: from a password store, say."""
    snapshot("piped.snap", *KEYS)
    for host in ("native", "wasmtime"):
        reader, writer = os.pipe()
        os.write(writer, (HERE / "bob.key").read_bytes())
        os.close(writer)
        result = yado("restore", "--host", host, "--decrypt-with", f"/dev/fd/{reader}", "piped.snap", pass_fds=(reader,))
        os.close(reader)
        check(result[:2] == (0, "fib(15) = 610\n"), f"a key from a pipe on {host}", result)


def test_chain():
    """A chain, each file from another host; each is checked."""
    guest = ("touch.wasm", "4", "200")
    whole = yado("run", *guest)[1]
    keys = (*KEYS, "--encrypt-to", "alice.pub", *OPEN)
    snapshot("c0.snap", *KEYS, guest=guest, after=100000)
    for i, host in ((1, "native"), (2, "wasmtime"), (3, "node")):
        result = yado("restore", "--host", host, *keys, "--base", f"c{i - 1}.snap", "--checkpoint-after",
                      100000 * (i + 1), "--snapshot", f"c{i}.snap", f"c{i - 1}.snap")
        check(result[0] == 85 and (HERE / f"c{i}.snap").stat().st_size < 1200000, f"a chain on {host}", result)
        check(says(yado("inspect", *OPEN, f"c{i}.snap"), 0, "changed since its base", f"c{i - 1}.snap"), "its base")
    for host in ("native", "wasmtime"):
        check(yado("restore", "--host", host, *OPEN, "c3.snap")[:2] == (0, whole), f"the chain on {host}")
    check(says(yado("squash", *OPEN, "--sign", "carol.key", "--output", "one.snap", "c3.snap"), 0, "signed"), "squash")
    check(yado("restore", "--require-signature", "carol.pub", "one.snap")[:2] == (0, whole), "squashed")
    check(says(yado("diff", *OPEN, "c0.snap", "c3.snap"), 1, "memory"), "diff")
    check(says(yado("export", "--coredump", *OPEN, "c3.snap"), 0, "coredump"), "export")
    check(stat.S_IMODE((HERE / "c3.snap.coredump").stat().st_mode) == 0o600, "a core dump is not for others")
    check(yado("squash", *OPEN, "--output", "c1.plain", "c1.snap")[0] == 0, "squash to a plain one")
    (HERE / "c1.snap").rename(HERE / "c1.kept")
    shutil.copy(HERE / "c1.plain", HERE / "c1.snap")
    for host in ("native", "wasmtime"):
        refused(f"a base that is not signed, {host}", "--host", host, *OPEN, "c3.snap", words=("c1.snap", "not signed"))
    result = yado("restore", *KEYS, *OPEN, "--base", "c1.snap", "--checkpoint-after", 300000, "--snapshot", "d.snap",
                  "c0.snap")
    check("c1.snap" in result[2] and "not signed" in result[2] and not (HERE / "d.snap").exists(),
          "nothing is written with a base that is not signed", result)
    (HERE / "c1.kept").rename(HERE / "c1.snap")


def left_over():
    return sorted(str(path) for path in RUNTIME.rglob("*") if path.is_file())


def test_hosts():
    """From each host to the next; no plain snapshot stays on the disk."""
    hosts = list(installed_hosts())
    for host, other in zip(hosts, hosts[1:] + hosts[:1]):
        data = snapshot("moved.snap", "--host", host, *KEYS)
        check(SECRET.encode() not in data, f"encrypted on {host}")
        result = yado("restore", "--host", other, *OPEN, "moved.snap")
        check(result[:2] == (0, "fib(15) = 610\n"), f"from {host} to {other}", result)
        refused(f"another key on {other}", "--host", other, "--require-signature", "bob.pub", "moved.snap",
                words=("moved.snap", "another key"))
        check(not left_over(), f"left by {host} and {other}", left_over())


def test_named():
    """`yado checkpoint` with keys of its own, and of a guest that has some."""
    for host in ("native", "wasmtime"):
        guest = FOLDER.guest("--host", host, *KEYS, "--env", f"WORD={SECRET}", "sleep.wasm", "1", "60000").settle()
        check(says(yado("checkpoint", "--sign", "bob.key", guest.name), 2, guest.name, "its own keys"), "keys of both")
        result = yado("checkpoint", "--output", "named.snap", guest.name)
        check(result[0] == 0 and guest.end().code == 85, f"its own keys on {host}", result)
        check(SECRET.encode() not in (HERE / "named.snap").read_bytes(), f"encrypted by its own keys on {host}")
        result = yado("restore", *OPEN, "--timeout", "300ms", "named.snap")
        check(says(result, 134, "--timeout"), f"it goes on, {host}", result)
        guest = FOLDER.guest("--host", host, "sleep.wasm", "1", "60000").settle()
        keys = (*KEYS, "--encrypt-to", "alice.pub")
        result = yado("checkpoint", *keys, "--leave-running", "--output", "n0.snap", guest.name)
        check(result[0] == 0, f"keys of `yado checkpoint` on {host}", result)
        result = yado("checkpoint", *keys, *OPEN, "--base", "n0.snap", "--output", "n1.snap", guest.name)
        check(result[0] == 0 and guest.end().code == 85, f"with a base on {host}", result)
        check(says(yado("restore", *OPEN, "--timeout", "300ms", "n1.snap"), 134, "--timeout"), f"a chain, {host}")
        guest = FOLDER.guest("--host", host, *KEYS, "--trigger", "now", "--snapshot", "t.snap", "sleep.wasm", "1",
                             "60000").settle()
        (HERE / "now").touch()
        check(guest.end().code == 85 and not (HERE / "now").exists(), f"--trigger on {host}")
        check(says(yado("inspect", *OPEN, "t.snap"), 0, "envelope"), f"a triggered snapshot on {host}")
        check(not left_over(), f"left over on {host}", left_over())


def test_every():
    """Killed with kill -9, a guest goes on from its newest snapshot, and nothing plain is left."""
    for host in ("native", "wasmtime"):
        for path in HERE.glob("every.snap*"):
            path.unlink()
        for life in range(12):
            begun = (HERE / "every.snap").exists()
            guest = start("restore" if begun else "run", "--host", host, *KEYS, *(OPEN if begun else ()), "--every",
                          "20ms", "--keep", 2, "--snapshot", "every.snap", *(("every.snap",) if begun else ("fib.wasm", "40")))
            time.sleep(0.3 + 0.05 * life)
            guest.send_signal(signal.SIGKILL)
            guest.communicate()
        result = yado("inspect", *OPEN, "every.snap")
        check(says(result, 0, "envelope: signed by", "fib"), f"the newest is whole on {host}", result)
        check(len(list(HERE.glob("every.snap*"))) <= 3, "two are kept")
        yado("ps")
        check(not left_over(), f"what kill -9 leaves is removed, {host}", left_over())
        result = yado("run", "--host", host, *KEYS, "--every", "20ms", "--snapshot", "no/such/x.snap", "fib.wasm", "20")
        check(result[0] in (0, 125), "a folder that is not there", result)


TESTS = (test_keys, test_signature, test_encryption, test_damage, test_key_from_pipe, test_chain, test_hosts, test_named, test_every)


if __name__ == "__main__":
    RUNTIME.mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(RUNTIME)
    for name in ("alice", "bob", "carol"):
        check(says(yado("keygen", name), 0, f"{name}.key", f"{name}.pub"), "keygen")
    checks.run(TESTS)
