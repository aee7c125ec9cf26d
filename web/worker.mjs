// One call of yadokari.wasm, in a worker: WASI from browser_wasi_shim, with what is ours in these places:
//
//   ./chosen/                the program and the snapshot that were chosen on the page, by their names
//   ./freeze                 the trigger: it exists while the page's flag is set
//   ./next.snap              the snapshot that Yadokari writes
//   ./files, ./files1 ...    the directories of the guest
//
// The page sends one message, and gets: { output, stream } while it runs, then { code, snapshot } or
// { failure }.
import {
  ConsoleStdout, Directory, File, OpenFile, PreopenDirectory, WASI,
} from './browser_wasi_shim/index.js';
import { FREEZE, UNREAD } from './shared.mjs';

const ERRNO_NOTSUP = 58;
const MOST_UNREAD = 1000;

// The entries of a directory, and `freeze` among them while the flag is set.
class Entries extends Map {
  constructor(entries, flags) {
    super(entries);
    this.flags = flags;
  }

  get(name) {
    if (name !== 'freeze') return super.get(name);
    return this.flags && Atomics.load(this.flags, FREEZE) ? new File([]) : undefined;
  }

  delete(name) {
    if (name !== 'freeze') return super.delete(name);
    return Atomics.exchange(this.flags, FREEZE, 0) === 1;
  }
}

// A stream to the page. A program that writes faster than the page reads waits.
function stream(number, flags) {
  return new ConsoleStdout((bytes) => {
    const unread = Atomics.add(flags, UNREAD, 1) + 1;
    postMessage({ stream: number, output: bytes });
    if (unread > MOST_UNREAD) Atomics.wait(flags, UNREAD, unread, 1000);
  });
}

// The shim waits in a loop that never rests, and throws at sockets.
function improve(wasi, flags) {
  const imports = wasi.wasiImport;
  const busy = imports.poll_oneoff;
  imports.poll_oneoff = (subscriptions, events, count, result) => {
    const memory = new DataView(wasi.inst.exports.memory.buffer);
    // One clock, from now on: what Yadokari sleeps with.
    if (count !== 1 || memory.getUint8(subscriptions + 8) !== 0
        || memory.getUint16(subscriptions + 40, true) !== 0) {
      return busy(subscriptions, events, count, result);
    }
    const end = performance.now() + Number(memory.getBigUint64(subscriptions + 24, true)) / 1e6;
    for (let left = end - performance.now(); left > 0; left = end - performance.now()) {
      if (Atomics.wait(flags, FREEZE, 0, left) === 'not-equal') break;
    }
    memory.setBigUint64(events, memory.getBigUint64(subscriptions, true), true);
    for (let at = 8; at < 32; at += 8) memory.setBigUint64(events + at, 0n, true);
    memory.setUint32(result, 1, true);
    return 0;
  };
  for (const name of ['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown']) {
    imports[name] = () => ERRNO_NOTSUP;
  }
}

function directoriesOf(count, files) {
  const directories = [];
  for (let i = 0; i < count; i += 1) {
    const entries = i === 0 ? files.map(({ name, bytes }) => [name, new File(bytes)]) : [];
    directories.push([i === 0 ? 'files' : `files${i}`, new Directory(entries)]);
  }
  return directories;
}

const readonly = ({ name, bytes }) => [name, new File(bytes, { readonly: true })];

async function run({ yadokari, words, chosen, directories, files, input, flags }) {
  const entries = new Entries(directoriesOf(directories, files), flags);
  entries.set('chosen', new Directory(chosen.map(readonly)));
  const wasi = new WASI(['yadokari.wasm', ...words], [], [
    new OpenFile(new File(input, { readonly: true })),
    stream(1, flags),
    stream(2, flags),
    new PreopenDirectory('.', entries),
  ], { debug: false });
  improve(wasi, flags);
  const instance = await WebAssembly.instantiate(yadokari, {
    wasi_snapshot_preview1: wasi.wasiImport,
  });
  const code = wasi.start(instance);
  return { code, snapshot: entries.get('next.snap')?.data };
}

onmessage = async ({ data }) => {
  try {
    const result = await run(data);
    postMessage(result, result.snapshot ? [result.snapshot.buffer] : []);
  } catch (error) {
    postMessage({ failure: String(error?.message ?? error) });
  }
};
