// A host for the tests: node:wasi, but it lies. Each lie is one that a host of docs/hosts.md tells.
//   node lying.mjs [--lie LIE]... [--dir DIRECTORY]... MODULE [ARGUMENTS]
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { WASI } from 'node:wasi';

const BADF = 8, INVAL = 28, IO = 29, NOTSUP = 58, NOTCAPABLE = 76;
const REGULAR_FILE = 4, CHARACTER_DEVICE = 2;
const CREAT = 1, TRUNC = 8, APPEND = 1, SYNCHRONOUS = 2 | 8 | 16;
const READ = 1n << 1n, SEEK = 1n << 2n, TELL = 1n << 5n, WRITE = 1n << 6n, READDIR = 1n << 14n;
const ALL = (1n << 29n) - 1n; // node:wasi does not know the last one

process.removeAllListeners('warning');
const words = process.argv.slice(2);
const preopens = {}, lies = new Set();
while (words[0]?.startsWith('--')) {
  const option = words.shift(), value = words.shift();
  if (option === '--dir') preopens[value] = value;
  else if (option === '--lie' && Object.hasOwn(tell(), value)) lies.add(value);
  else throw new Error(`lying.mjs: ${option} ${value}`);
}
const wasi = new WASI({ version: 'preview1', args: words, preopens, returnOnExit: true });
const real = { ...wasi.wasiImport }, told = { ...real };
let memory;
const view = () => new DataView(memory.buffer);
const first = 3 + Object.keys(preopens).length; // the first descriptor that is no preopen

// Lets `name` do something else, given what it did so far.
function instead(name, change) {
  const before = told[name];
  told[name] = (...args) => change(before, ...args);
}

// After a success.
function after(name, change) {
  instead(name, (before, ...args) => {
    const errno = before(...args);
    if (errno === 0) change(...args);
    return errno;
  });
}

// path_open, by the name of each argument.
function opening(change) {
  instead('path_open', (before, dir, lookup, path, size, oflags, rights, inheriting, fdflags, result) => {
    const asked = { dir, oflags, rights, inheriting, fdflags };
    const refused = change(asked, result);
    if (typeof refused === 'number') return refused;
    const errno = before(dir, lookup, path, size, asked.oflags, asked.rights, asked.inheriting, asked.fdflags, result);
    if (errno === 0 && typeof refused === 'function') refused(view().getUint32(result, true));
    return errno;
  });
}

function old_structure(address) { // preview 1's filestat as it was before: 32 bits of links, and so 56 bytes
  const at = view();
  at.setUint32(address + 20, Number(at.getBigUint64(address + 24, true)), true);
  for (let i = 24; i < 56; i += 8) at.setBigUint64(address + i, at.getBigUint64(address + i + 8, true), true);
  at.setBigUint64(address + 56, before_old, true);
}
let before_old = 0n;

function tell() {
  return {
    // Wizard: no right is reported of a preopen, and what is opened has those rights that were asked for.
    rights() {
      const owned = new Map();
      opening((asked) => {
        const rights = asked.rights;
        asked.rights &= ALL, asked.inheriting &= ALL;
        return (fd) => owned.set(fd, rights);
      });
      after('fd_fdstat_get', (fd, address) => {
        if (fd < 3) return;
        view().setBigUint64(address + 8, fd < first ? 0n : owned.get(fd), true);
        view().setBigUint64(address + 16, 0n, true);
      });
      const needs = { fd_read: READ, fd_pread: READ, fd_write: WRITE, fd_pwrite: WRITE, fd_seek: SEEK | TELL, fd_tell: SEEK | TELL,
        fd_readdir: READDIR, fd_filestat_get: 1n << 21n, fd_filestat_set_size: 1n << 22n, fd_sync: 1n << 4n };
      for (const [name, right] of Object.entries(needs))
        instead(name, (before, fd, ...args) => fd >= first && !(owned.get(fd) & right) ? BADF : before(fd, ...args));
    },
    // Refuses what it does not know, the last rights of the preview, and reports none.
    unknown() {
      opening((asked) => ((asked.rights | asked.inheriting) >> 24n ? NOTCAPABLE : undefined));
      after('fd_fdstat_get', (fd, address) => view().setBigUint64(address + 16, 0n, true));
    },
    // Wasmtime: a directory below a preopen is said to let nobody write.
    directories() {
      after('fd_fdstat_get', (fd, address) => {
        if (fd >= first) view().setBigUint64(address + 16, view().getBigUint64(address + 16, true) & ~WRITE, true);
      });
    },
    // Wasmtime: only the first buffer of a vector is used.
    vectors() {
      for (const name of ['fd_read', 'fd_write', 'fd_pread', 'fd_pwrite'])
        instead(name, (before, fd, at, count, ...args) => {
          // The first that holds something: a write of nothing would be tried again for ever.
          while (count > 1 && view().getUint32(at + 4, true) === 0) {
            at += 8;
            count--;
          }
          return before(fd, at, Math.min(count, 1), ...args);
        });
    },
    // Deno, Bun, Chicory: every stream is a terminal.
    terminals() {
      after('fd_fdstat_get', (fd, address) => {
        if (fd < 3) view().setUint8(address, CHARACTER_DEVICE);
      });
    },
    // Deno, Bun: a read cannot be waited for with a time limit.
    waiting() {
      instead('poll_oneoff', (before, subscriptions, ...args) =>
        view().getUint8(subscriptions + 8) === 0 ? before(subscriptions, ...args) : NOTSUP);
    },
    // Wasmtime, wasmi, WAMR: not every exit code comes through.
    codes() {},
    // WAMR of 2020: the structures of the preview's predecessor.
    structures() {
      for (const [name, index] of [['fd_filestat_get', 1], ['path_filestat_get', 4]])
        instead(name, (before, ...args) => {
          before_old = view().getBigUint64(args[index] + 56, true);
          const errno = before(...args);
          if (errno === 0) old_structure(args[index]);
          return errno;
        });
    },
    // Counts a terminator in, of directories and links.
    terminators() {
      after('path_readlink', (dir, path, size, buffer, room, used) => {
        const length = view().getUint32(used, true);
        if (length >= room) return;
        view().setUint8(buffer + length, 0);
        view().setUint32(used, length + 1, true);
      });
      after('fd_prestat_get', (fd, address) => view().setUint32(address + 4, view().getUint32(address + 4, true) + 1, true));
      instead('fd_prestat_dir_name', (before, fd, address, size) => {
        view().setUint8(address + size - 1, 0);
        return before(fd, address, size - 1);
      });
    },
    // No synchronous files.
    synchronous() {
      opening((asked) => (asked.fdflags & SYNCHRONOUS ? NOTSUP : undefined));
    },
    // Wasmer 2 refuses flags of a descriptor.
    flags() {
      opening((asked) => (asked.fdflags & SYNCHRONOUS ? INVAL : undefined));
    },
    // wasmi, Chicory: not for appending and truncated at once.
    appending() {
      opening((asked) => ((asked.fdflags & APPEND) && (asked.oflags & TRUNC) ? INVAL : undefined));
    },
    // Bun: times are rounded.
    times() {
      for (const [name, index] of [['fd_filestat_get', 1], ['path_filestat_get', 4]])
        after(name, (...args) => {
          for (const at of [40, 48, 56].map((offset) => args[index] + offset))
            view().setBigUint64(at, view().getBigUint64(at, true) / 1000000n * 1000000n, true);
        });
    },
    // Deno: a file that was deleted while it was open cannot be read.
    deleted() {
      for (const name of ['fd_read', 'fd_pread'])
        instead(name, (before, fd, ...args) => {
          const scratch = memory.buffer.byteLength - 64;
          const kept = new Uint8Array(memory.buffer, scratch, 64).slice();
          const errno = real.fd_filestat_get(fd, scratch);
          const gone = errno === 0 && view().getUint8(scratch + 16) === REGULAR_FILE && view().getBigUint64(scratch + 24, true) === 0n;
          new Uint8Array(memory.buffer, scratch, 64).set(kept);
          return gone ? IO : before(fd, ...args);
        });
    },
    // Links that lead out of their directory are not made (Node itself), here none at all.
    links() {
      told.path_symlink = () => NOTCAPABLE;
    },
    // Chicory: nothing can be renamed.
    renaming() {
      told.path_rename = () => NOTSUP;
    },
  };
}

for (const lie of lies) tell()[lie]();
const module = new WebAssembly.Module(readFileSync(words[0]));
const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: told });
memory = instance.exports.memory;
const code = wasi.start(instance);
process.exitCode = lies.has('codes') && code !== 0 ? 1 : code;
