// The module that chromium.mjs was given, in a worker of the tab: WASI from browser_wasi_shim, on files that are fetched
// from chromium.mjs when they are first used, and sent back there at the end where they have changed.
import {
  ConsoleStdout, Directory, File, OpenFile, PreopenDirectory, WASI,
} from './shim/index.js';

const UNKNOWN = 0; // a type of file
const ERRNO_SUCCESS = 0;
const ERRNO_NOTSUP = 58;
const nap = new Int32Array(new SharedArrayBuffer(4));
let root;

// A worker may wait for an answer. Bytes.
function ask(what, name, body = null) {
  const request = new XMLHttpRequest();
  request.open(body ? 'POST' : 'GET', `${root}/${what}/${encodeURIComponent(name)}`, false);
  request.responseType = 'arraybuffer';
  request.send(body);
  if (request.status !== 200) throw new Error(`${what} ${name}: ${new TextDecoder().decode(request.response)}`);
  return new Uint8Array(request.response);
}

const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

// ---- files

class FetchedFile extends File {
  constructor(path, size) {
    super([]);
    this.path = path;
    this.given = size;
    this.bytes = null;
  }

  fetch() {
    if (this.bytes) return;
    this.before = ask('read', this.path);
    this.bytes = this.before.slice();
  }

  get data() {
    this.fetch();
    return this.bytes;
  }

  set data(bytes) {
    this.bytes = bytes;
  }

  get size() {
    return BigInt(this.bytes ? this.bytes.byteLength : this.given);
  }

  hasChanged() {
    return this.bytes && !(this.before && same(this.bytes, this.before));
  }
}

class FetchedDirectory extends Directory {
  constructor(path) {
    super(new Map());
    this.path = path;
    this.fetched = null;
  }

  get contents() {
    if (!this.path) return new Map(); // while it is made
    if (!this.fetched) {
      const list = JSON.parse(new TextDecoder().decode(ask('list', this.path)));
      this.names = list.map(({ name }) => name);
      this.fetched = new Map(list.map(({ name, size }) => {
        const path = `${this.path}/${name}`;
        return [name, size === undefined ? new FetchedDirectory(path) : new FetchedFile(path, size)];
      }));
    }
    return this.fetched;
  }

  set contents(map) {
    this.fetched = map.size > 0 ? map : this.fetched;
  }
}

// What the module has seen of a directory, or put there: entry and path, directories before what is in them.
function* seen(directory, path) {
  if (directory instanceof FetchedDirectory && directory.path === path && !directory.fetched) return;
  for (const [name, entry] of directory.contents) {
    const at = `${path}/${name}`;
    yield [entry, at];
    if (entry instanceof Directory) yield* seen(entry, at);
  }
}

const isMoved = (entry, path) => entry.path && entry.path !== path;

function sendBack(directories) {
  const all = directories.flatMap((directory) => [[directory, directory.path], ...seen(directory, directory.path)]);
  // Before anything is removed.
  for (const [entry, path] of all) if (entry instanceof FetchedFile && isMoved(entry, path)) entry.fetch();
  for (const [entry] of all) {
    for (const name of entry.names ?? []) if (!entry.contents.has(name)) ask('remove', `${entry.path}/${name}`);
  }
  for (const [entry, path] of all) {
    if (entry instanceof Directory) {
      if (entry.path !== path) ask('mkdir', path);
    } else if (!(entry instanceof FetchedFile) || isMoved(entry, path) || entry.hasChanged()) {
      ask('write', path, entry.data);
    }
  }
}

// ---- streams, and sleep

class Stream extends ConsoleStdout {
  constructor(number) {
    super((bytes) => {
      postMessage({ stream: number, bytes: Array.from(bytes, (byte) => String.fromCharCode(byte)).join('') });
    });
  }

  fd_fdstat_get() { // eslint-disable-line
    const answer = super.fd_fdstat_get();
    answer.fdstat.fs_filetype = UNKNOWN; // it is no terminal
    return answer;
  }
}

// The shim waits in a loop that never rests, and throws at sockets.
function improve(wasi) {
  const imports = wasi.wasiImport;
  const busy = imports.poll_oneoff;
  imports.poll_oneoff = (subscriptions, events, count, result) => {
    const memory = new DataView(wasi.inst.exports.memory.buffer);
    const isSleep = count === 1 && memory.getUint8(subscriptions + 8) === 0
      && memory.getUint16(subscriptions + 40, true) === 0;
    if (!isSleep) return busy(subscriptions, events, count, result);
    Atomics.wait(nap, 0, 0, Number(memory.getBigUint64(subscriptions + 24, true)) / 1e6);
    memory.setBigUint64(events, memory.getBigUint64(subscriptions, true), true);
    for (let at = 8; at < 32; at += 8) memory.setBigUint64(events + at, 0n, true);
    memory.setUint32(result, 1, true);
    return ERRNO_SUCCESS;
  };
  for (const name of ['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown']) {
    imports[name] = () => ERRNO_NOTSUP;
  }
}

async function run({ words, directories }) {
  const preopens = directories.map((path) => {
    const preopen = new PreopenDirectory(path, new Map());
    preopen.dir = new FetchedDirectory(path);
    return preopen;
  });
  const wasi = new WASI(words, [], [new OpenFile(new File([])), new Stream(1), new Stream(2), ...preopens],
    { debug: false });
  improve(wasi);
  const { instance } = await WebAssembly.instantiate(ask('module', ''), { wasi_snapshot_preview1: wasi.wasiImport });
  const code = wasi.start(instance);
  sendBack(preopens.map(({ dir }) => dir));
  return { code };
}

onmessage = async ({ data }) => {
  root = data.root;
  try {
    postMessage(await run(data));
  } catch (error) {
    postMessage({ failure: String(error?.message ?? error) });
  }
};
