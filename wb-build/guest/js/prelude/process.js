// The part of Node.js's `process` that makes sense in a command.
import * as native from "wb:native";
import { TextDecoder } from "./text.js";

function output(fd) {
  return {
    fd,
    isTTY: false,
    writable: true,
    write(chunk, encoding, callback) {
      native.write(fd, typeof chunk === "string" ? chunk : ArrayBuffer.isView(chunk) ? chunk : `${chunk}`);
      const done = typeof encoding === "function" ? encoding : callback;
      if (done) queueMicrotask(() => done(null));
      return true;
    },
    end(chunk) {
      if (chunk !== undefined) this.write(chunk);
      return this;
    },
    on() {
      return this;
    },
    once() {
      return this;
    },
  };
}

// Reads happen when somebody asks for them; each waits for the data.
const stdin = {
  fd: 0,
  isTTY: false,
  readable: true,
  setEncoding(encoding) {
    decoder = new TextDecoder(encoding ?? "utf-8");
    return this;
  },
  // The rest of the input: as text when an encoding is set, else as bytes.
  read() {
    const bytes = native.readAll(0);
    return decoder ? decoder.decode(bytes) : bytes;
  },
  bytes: () => native.readAll(0),
  text: () => native.decode(native.readAll(0), false),
  async *[Symbol.asyncIterator]() {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const n = native.read(0, buffer);
      if (n === 0) break;
      if (!decoder) {
        yield buffer.slice(0, n);
        continue;
      }
      const text = decoder.decode(buffer.subarray(0, n), { stream: true });
      if (text) yield text;
    }
    const rest = decoder ? decoder.decode() : "";
    if (rest) yield rest;
  },
  on(event, listener) {
    (listeners[event] ??= []).push(listener);
    if (event === "data" || event === "readable") flow();
    return this;
  },
  once(event, listener) {
    return this.on(event, listener);
  },
  resume() {
    return flow();
  },
  pause() {
    return this;
  },
};

let decoder = null;
const listeners = {};
let flowing = false;

function emit(event, value) {
  for (const listener of listeners[event] ?? []) listener.call(stdin, value);
}

// Sends the input to the listeners once the current job is over.
function flow() {
  if (flowing) return stdin;
  flowing = true;
  (async () => {
    await null;
    if (listeners.readable) {
      const whole = stdin.read();
      const read = stdin.read;
      for (const value of whole.length ? [whole, null] : [null]) {
        let next = value;
        stdin.read = () => {
          const taken = next;
          next = null;
          return taken;
        };
        emit("readable");
      }
      stdin.read = read;
    } else {
      for await (const chunk of stdin) emit("data", chunk);
    }
    emit("end");
    emit("close");
  })();
  return stdin;
}

const start = native.now();

export const process = {
  // As in Node.js, the program's own arguments begin at argv[2].
  argv: ["wbx", ...native.args()],
  argv0: "wbx",
  execArgv: [],
  env: native.env(),
  exitCode: undefined,
  title: "wbx",
  pid: 1,
  platform: "wasi",
  arch: "wasm32",
  version: "",
  versions: {},
  stdin,
  stdout: output(1),
  stderr: output(2),
  cwd: () => "/",
  exit(code = process.exitCode ?? 0) {
    emitExit(code);
    native.exit(Number(code));
  },
  uptime: () => (native.now() - start) / 1e3,
  hrtime: Object.assign(
    (since) => {
      const ns = BigInt(Math.round(native.now() * 1e6)) - (since ? BigInt(since[0]) * 1000000000n + BigInt(since[1]) : 0n);
      return [Number(ns / 1000000000n), Number(ns % 1000000000n)];
    },
    { bigint: () => BigInt(Math.round(native.now() * 1e6)) },
  ),
  nextTick: (callback, ...args) => queueMicrotask(() => callback(...args)),
  memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
  emitWarning: (warning) => native.write(2, `Warning: ${warning?.message ?? warning}\n`),
  on(event, listener) {
    if (event === "exit") exitListeners.push(listener);
    return process;
  },
  once: (event, listener) => process.on(event, listener),
  off: () => process,
};
Object.defineProperty(process, Symbol.toStringTag, { value: "process", configurable: true });

const exitListeners = [];

export function emitExit(code) {
  for (const listener of exitListeners.splice(0)) listener(code);
}
