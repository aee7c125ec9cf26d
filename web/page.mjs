// The page: what was chosen, the buttons, and what the worker says.
import { FREEZE, PLACES, UNREAD } from './shared.mjs';

const MOST_OUTPUT = 400_000; // characters shown; older ones are dropped
const CHECKPOINTED = 85;
const REFUSED = 125;
const TRAPPED = 134;

const at = (id) => document.getElementById(id);
const page = {
  yadokari: null, // the compiled yadokari.wasm
  chosen: null, // { name, bytes, kind, hasModule, preopens }
  module: null, // { name, bytes }: of a snapshot that carries none
  run: null, // { flags, stop, begun, errors, program }
};

// ---- words

function say(words) {
  at('status').textContent = words;
}

function fail(words) {
  at('error').textContent = words;
  at('error').hidden = !words;
}

function size(bytes) {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

const seconds = (begun) => `${((performance.now() - begun) / 1000).toFixed(1)} s`;

// What this browser lacks, or null.
function lacking() {
  if (typeof WebAssembly !== 'object') return 'This browser has no WebAssembly, or it is turned off.';
  if (typeof Worker !== 'function') return 'This browser has no workers.';
  if (!globalThis.crossOriginIsolated || typeof SharedArrayBuffer !== 'function') {
    return 'This page is not isolated from others, so the browser gives it no shared memory, without '
      + 'which a running program cannot be told to freeze. Open it through `make web`, or from a server '
      + 'that sends the headers Cross-Origin-Opener-Policy: same-origin and '
      + 'Cross-Origin-Embedder-Policy: require-corp (and by https, or from localhost).';
  }
  return null;
}

// ---- output

const output = {
  pending: [], // { stream, text }
  shown: 0,
  decoders: {},

  clear() {
    at('output').textContent = '';
    this.pending = [];
    this.shown = 0;
    this.decoders = { 1: new TextDecoder(), 2: new TextDecoder() };
  },

  add(stream, bytes) {
    const text = this.decoders[stream].decode(bytes, { stream: true });
    const last = this.pending.at(-1);
    if (last?.stream === stream) last.text += text;
    else this.pending.push({ stream, text });
    if (this.pending.length === 1) requestAnimationFrame(() => this.show());
  },

  show() {
    const box = at('output');
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    for (const { stream, text } of this.pending.splice(0)) {
      const part = document.createElement('span');
      part.textContent = text.slice(-MOST_OUTPUT);
      if (stream === 2) part.className = 'stderr';
      box.append(part);
      this.shown += part.textContent.length;
    }
    while (this.shown > MOST_OUTPUT && box.childNodes.length > 1) {
      this.shown -= box.firstChild.textContent.length;
      box.firstChild.remove();
    }
    if (atEnd) box.scrollTop = box.scrollHeight;
  },
};

// ---- the worker

// Calls yadokari.wasm in a worker. `onOutput(stream, bytes)` is called while it runs; the promise is of
// { code, snapshot }, or of { stopped }.
function call(message, onOutput, started = () => {}) {
  const worker = new Worker('worker.mjs', { type: 'module' });
  const flags = new Int32Array(new SharedArrayBuffer(4 * PLACES));
  return new Promise((resolve, reject) => {
    started({ flags, stop: () => resolve({ stopped: true }) });
    worker.onmessage = ({ data }) => {
      if (data.output) {
        onOutput(data.stream, data.output);
        Atomics.sub(flags, UNREAD, 1);
        Atomics.notify(flags, UNREAD);
      } else if (data.failure) {
        reject(new Error(data.failure));
      } else {
        resolve(data);
      }
    };
    worker.onerror = (event) => reject(new Error(event.message || 'the worker could not be loaded'));
    worker.postMessage({
      yadokari: page.yadokari, directories: 0, files: [], input: new Uint8Array(), flags, ...message,
    });
  }).finally(() => worker.terminate());
}

// Where the worker puts a file that was chosen.
const pathOf = ({ name }) => `chosen/${name}`;

// `yado inspect`: { text } or { refusal }.
async function inspect(chosen) {
  const decoder = new TextDecoder();
  const text = { 1: '', 2: '' };
  const message = { words: ['inspect', pathOf(chosen)], chosen: [chosen] };
  const { code } = await call(message, (stream, bytes) => {
    text[stream] += decoder.decode(bytes, { stream: true });
  });
  return code === 0 ? { text: text[1] } : { refusal: text[2].replace(/^yado: /, '').trim() };
}

// ---- choosing

const startsWith = (bytes, text) => [...text].every((c, i) => bytes[i] === c.charCodeAt(0));

function kindOf(bytes) {
  if (startsWith(bytes, '\0asm')) return 'program';
  return startsWith(bytes, '\x89YADO\r\n\x1a') ? 'snapshot' : null;
}

const read = async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });

function showChosen() {
  const { chosen } = page;
  const isSnapshot = chosen?.kind === 'snapshot';
  const needsModule = isSnapshot && !chosen.hasModule;
  at('start').textContent = isSnapshot ? 'Continue' : 'Run';
  at('arguments-field').hidden = isSnapshot;
  at('module-field').hidden = !needsModule;
  at('about').hidden = !isSnapshot;
  at('about-text').textContent = chosen?.about ?? '';
  at('start').disabled = !!page.run || !chosen || (needsModule && !page.module);
}

async function readSnapshot(chosen) {
  const { text, refusal } = await inspect(chosen);
  if (refusal) throw new Error(refusal);
  chosen.about = text;
  chosen.hasModule = /^module: .*, embedded$/m.test(text);
  chosen.preopens = [...text.matchAll(/^preopen \d+: (.*)$/gm)].map((match) => match[1]);
}

function forget() {
  page.chosen = null;
  page.module = null;
  at('module').value = '';
  fail('');
  say('');
  showChosen();
}

// Takes this file as what is to run next.
async function choose({ name, bytes }) {
  const kind = kindOf(bytes);
  try {
    if (!kind) {
      throw new Error(`${name} is neither a WebAssembly program (.wasm) nor a snapshot of Yadokari `
        + '(.snap).');
    }
    const chosen = { name, bytes, kind, hasModule: true, preopens: ['.'] };
    if (kind === 'snapshot') await readSnapshot(chosen);
    page.chosen = chosen;
    fail('');
    say(`${name}: a ${kind} of ${size(bytes.length)}.`);
  } catch (error) {
    say('');
    fail(error.message);
  }
  showChosen();
}

// ---- running

// Each directory of the guest is one of Yadokari's, under the guest's name for it; all of it travels in
// the next snapshot.
function directoryWords(preopens) {
  return preopens.flatMap((name, i) => ['--dir', `files${i || ''}::${name}`, '--embed', name]);
}

async function messageFor(chosen) {
  const files = await Promise.all([...at('files').files].map(read));
  const { preopens } = chosen;
  const words = [
    ...directoryWords(preopens), '--trigger', 'freeze', '--snapshot', 'next.snap', '--embed-module',
    '--files', 'embed', '--host-note', 'browser',
  ];
  const common = {
    files,
    directories: preopens.length,
    input: new TextEncoder().encode(at('input').value),
  };
  if (chosen.kind === 'snapshot') {
    const module = page.module ? ['--module', pathOf(page.module)] : [];
    return {
      ...common,
      words: ['restore', ...words, ...module, pathOf(chosen)],
      chosen: page.module ? [chosen, page.module] : [chosen],
    };
  }
  const given = at('arguments').value.replace(/\n$/, '');
  return {
    ...common,
    words: ['run', ...words, '--arg0', chosen.name, pathOf(chosen), ...(given ? given.split('\n') : [])],
    chosen: [chosen],
  };
}

function showRunning(running) {
  at('freeze').disabled = at('stop').disabled = !running;
  for (const field of at('form').querySelectorAll('input, textarea')) field.disabled = running;
  if (running) at('download').hidden = true;
  showChosen();
}

// The snapshot as something to download, and as what is chosen.
async function offer(snapshot, name) {
  const link = at('download');
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(new Blob([snapshot], { type: 'application/octet-stream' }));
  link.download = name;
  link.hidden = false;
  const transfer = new DataTransfer();
  transfer.items.add(new File([snapshot], name));
  at('program').files = transfer.files;
  forget();
  await choose({ name, bytes: snapshot });
}

async function ended({ code, snapshot, stopped }, { begun, errors, program }) {
  const time = seconds(begun);
  if (stopped) {
    say(`Stopped after ${time}; there is no snapshot.`);
  } else if (code === CHECKPOINTED && snapshot) {
    const name = `${program.replace(/\.(wasm|snap)$/, '')}.snap`;
    await offer(snapshot, name);
    say(`Frozen after ${time}: a snapshot of ${size(snapshot.length)}. Continue it here, or download it `
      + 'and continue it elsewhere.');
  } else if (code === 0) {
    say(`Finished after ${time}.`);
  } else if (code === REFUSED || code === TRAPPED) {
    say(code === REFUSED ? 'Yadokari refused it.' : `The program trapped after ${time}.`);
    fail(errors.trim().replace(/^yado: /, ''));
  } else {
    say(`Finished after ${time} with exit code ${code}.`);
  }
}

async function start() {
  fail('');
  output.clear();
  const run = { begun: performance.now(), errors: '', program: page.chosen.name };
  const message = await messageFor(page.chosen);
  const decoder = new TextDecoder();
  const take = (stream, bytes) => {
    output.add(stream, bytes);
    if (stream === 2) run.errors = (run.errors + decoder.decode(bytes, { stream: true })).slice(-4000);
  };
  // A snapshot that could not be written leaves the program running: the button works again.
  const timer = setInterval(() => {
    say(`Running for ${seconds(run.begun)} …`);
    at('freeze').disabled = Atomics.load(run.flags, FREEZE) === 1;
  }, 500);
  let result = null;
  try {
    result = await call(message, take, (control) => {
      Object.assign(run, control);
      page.run = run;
      say('Running …');
      showRunning(true);
    });
  } catch (error) {
    say('');
    fail(`The browser gave up: ${error.message}`);
  }
  clearInterval(timer);
  page.run = null;
  showRunning(false);
  if (result) await ended(result, run);
}

function freeze() {
  at('freeze').disabled = true;
  Atomics.store(page.run.flags, FREEZE, 1);
  Atomics.notify(page.run.flags, FREEZE);
}

// ---- the beginning

async function load() {
  const lack = lacking();
  if (lack) throw new Error(lack);
  const response = await fetch('yadokari.wasm');
  if (!response.ok) throw new Error(`yadokari.wasm could not be loaded: ${response.status}`);
  page.yadokari = await WebAssembly.compileStreaming(response);
}

at('program').onchange = async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  forget();
  output.clear();
  await choose(await read(file));
};
at('module').onchange = async ({ target }) => {
  const [file] = target.files;
  page.module = file ? await read(file) : null;
  if (file && kindOf(page.module.bytes) !== 'program') {
    page.module = null;
    fail(`${file.name} is not a WebAssembly module.`);
  } else {
    fail('');
  }
  showChosen();
};
at('start').onclick = start;
at('freeze').onclick = freeze;
at('stop').onclick = () => page.run.stop();
at('form').onsubmit = (event) => event.preventDefault();

try {
  await load();
  say('Choose a program, or a snapshot.');
} catch (error) {
  say('');
  fail(error.message);
  at('program').disabled = true;
}
