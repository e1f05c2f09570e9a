// The console. A line made of text and numbers is written without loading the
// inspector.
import * as native from "wb:native";

let indent = "";
const counts = new Map();
const starts = new Map();

function line(args) {
  let text = "";
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    const plain = typeof value === "string"
      ? i > 0 || args.length === 1 || !value.includes("%")
      : typeof value === "number" && !Object.is(value, -0);
    if (!plain) return native.load("wb:inspect.js").format(...args);
    text += i > 0 ? ` ${value}` : value;
  }
  return text;
}

function print(fd, args) {
  let text = line(args);
  if (indent) text = indent + text.replaceAll("\n", `\n${indent}`);
  try {
    native.write(fd, `${text}\n`);
  } catch {
    // Nobody listens: a program does not fail for what it says in passing.
  }
}

export const console = {
  log: (...args) => print(1, args),
  info: (...args) => print(1, args),
  debug: (...args) => print(1, args),
  warn: (...args) => print(2, args),
  error: (...args) => print(2, args),
  trace(...args) {
    const at = { name: "Trace" };
    Error.captureStackTrace(at, console.trace);
    print(2, [`Trace${args.length ? `: ${line(args)}` : ""}\n${at.stack.trimEnd()}`]);
  },
  assert(condition, ...args) {
    if (condition) return;
    if (typeof args[0] === "string") args[0] = `Assertion failed: ${args[0]}`;
    else args.unshift("Assertion failed");
    print(2, args);
  },
  dir: (value, options) => print(1, [native.load("wb:inspect.js").inspect(value, { customInspect: false, ...options })]),
  dirxml: (...args) => print(1, args),
  table: (data, columns) => print(1, [native.load("wb:table.js").table(data, columns)]),
  group(...args) {
    if (args.length) print(1, args);
    indent += "  ";
  },
  groupCollapsed: (...args) => console.group(...args),
  groupEnd() {
    indent = indent.slice(2);
  },
  count(label = "default") {
    const n = (counts.get(`${label}`) ?? 0) + 1;
    counts.set(`${label}`, n);
    print(1, [`${label}: ${n}`]);
  },
  countReset: (label = "default") => void counts.delete(`${label}`),
  time: (label = "default") => void starts.set(`${label}`, native.now()),
  timeLog(label = "default", ...args) {
    const since = starts.get(`${label}`);
    if (since === undefined) return console.warn(`Warning: No such label '${label}' for console.timeLog()`);
    print(1, [`${label}: ${span(native.now() - since)}`, ...args]);
  },
  timeEnd(label = "default") {
    const since = starts.get(`${label}`);
    if (since === undefined) return console.warn(`Warning: No such label '${label}' for console.timeEnd()`);
    starts.delete(`${label}`);
    print(1, [`${label}: ${span(native.now() - since)}`]);
  },
};

function span(ms) {
  return ms < 1000 ? `${Number(ms.toFixed(3))}ms` : `${(ms / 1000).toFixed(3)}s`;
}
