// The globals that every program has from its first line. What is large and
// seldom used is loaded when it is first touched, so that a small program
// starts fast.
import * as native from "wb:native";
import { TextDecoder, TextEncoder } from "./text.js";
import { runTimer, timers } from "./timers.js";
import { emitExit, process } from "./process.js";
import { console } from "./console.js";

const global = globalThis;

function define(name, value) {
  Object.defineProperty(global, name, { value, writable: true, configurable: true, enumerable: false });
}

// A global that stands for an export of another prelude module.
function defineLazily(name, module) {
  Object.defineProperty(global, name, {
    configurable: true,
    enumerable: false,
    get() {
      const value = native.load(module)[name];
      define(name, value);
      return value;
    },
    set(value) {
      define(name, value);
    },
  });
}

define("global", global);
define("self", global);
define("console", console);
define("process", process);
define("TextEncoder", TextEncoder);
define("TextDecoder", TextDecoder);
for (const name in timers) define(name, timers[name]);

defineLazily("URL", "wb:url.js");
defineLazily("URLSearchParams", "wb:url.js");
defineLazily("structuredClone", "wb:clone.js");

define("crypto", {
  getRandomValues(view) {
    if (!ArrayBuffer.isView(view) || view instanceof Float32Array || view instanceof Float64Array || view instanceof DataView) {
      throw new DOMException("getRandomValues fills a typed array of integers", "TypeMismatchError");
    }
    if (view.byteLength > 65536) {
      throw new DOMException("getRandomValues fills at most 65536 bytes, not " + view.byteLength, "QuotaExceededError");
    }
    native.random(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    return view;
  },
  randomUUID() {
    const b = new Uint8Array(16);
    native.random(b);
    b[6] = (b[6] & 0x0f) | 0x40; // RFC 9562: version 4,
    b[8] = (b[8] & 0x3f) | 0x80; // variant 10
    const hex = Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
});

// What programs written for Javy call.
define("Javy", {
  IO: {
    readSync: (fd, buffer) => native.read(fd, buffer),
    writeSync: (fd, buffer) => native.write(fd, buffer),
  },
});

// ---- what the C side calls

export { runTimer };

export function exitCode() {
  emitExit(process.exitCode ?? 0);
  return process.exitCode ?? 0;
}

export function reportUncaught(error, inPromise) {
  const { inspect } = native.load("wb:inspect.js");
  const text = error instanceof Error ? inspect(error) : inspect(error, { depth: 1 });
  native.write(2, `Uncaught ${inPromise ? "(in promise) " : ""}${text}\n`);
}
