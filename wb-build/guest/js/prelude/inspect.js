// How the console shows values: the layout follows Node.js's util.inspect, so
// that output reads as people know it.
import * as native from "wb:native";
import { showStack } from "./stack.js";

const BREAK_LENGTH = 80; // columns, for objects that span several entries
const COMPACT = 3; // innermost levels that may share a line
const MAX_ITEMS = 100;
const MAX_TEXT = 10000;

const custom = Symbol.for("nodejs.util.inspect.custom");
const TypedArray = Object.getPrototypeOf(Uint8Array);
const typedArrayTag = Object.getOwnPropertyDescriptor(TypedArray.prototype, Symbol.toStringTag).get;
const isIdentifier = (key) => /^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key);

export function inspect(value, options) {
  const state = {
    depth: 2, showHidden: false, customInspect: true, breakLength: BREAK_LENGTH, compact: COMPACT,
    maxArrayLength: MAX_ITEMS, maxStringLength: MAX_TEXT, sorted: false,
    ...(options ?? {}),
    seen: [], circular: new Map(), indent: 0, level: 0,
  };
  state.depth ??= Infinity;
  state.maxArrayLength ??= Infinity;
  state.maxStringLength ??= Infinity;
  return show(state, value, 0);
}
inspect.custom = custom;

// ---- primitives

const escapes = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", "\\": "\\\\" };

function quote(text) {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") && !text.includes("${") ? "`" : "'";
  const escaped = text.replace(/[\x00-\x1f\x7f-\x9f\\'\ud800-\udfff]/gu, (c) => {
    if (c === "'") return mark === "'" ? "\\'" : c;
    const code = c.charCodeAt(0);
    if (escapes[c]) return escapes[c];
    return code > 0xff ? `\\u${code.toString(16).toUpperCase()}` : `\\x${code.toString(16).toUpperCase().padStart(2, "0")}`;
  });
  return mark + escaped + mark;
}

function showPrimitive(state, value) {
  switch (typeof value) {
    case "string": {
      let trailer = "";
      if (value.length > state.maxStringLength) {
        const rest = value.length - state.maxStringLength;
        value = value.slice(0, state.maxStringLength);
        trailer = `... ${rest} more character${rest > 1 ? "s" : ""}`;
      }
      if (state.compact !== true && value.length > 16 && value.length > state.breakLength - state.indent - 4) {
        return value.split(/(?<=\n)/).map(quote).join(` +\n${" ".repeat(state.indent + 2)}`) + trailer;
      }
      return quote(value) + trailer;
    }
    case "number":
      return Object.is(value, -0) ? "-0" : `${value}`;
    case "bigint":
      return `${value}n`;
    default:
      return String(value);
  }
}

// ---- objects

// The nearest constructor that the value is an instance of; null without one.
function constructorName(value) {
  for (let p = value; p; p = Object.getPrototypeOf(p)) {
    const d = Object.getOwnPropertyDescriptor(p, "constructor");
    if (d && typeof d.value === "function" && d.value.name !== "" && isInstance(value, d.value)) return d.value.name;
  }
  return null;
}

function isInstance(value, constructor) {
  try {
    return value instanceof constructor;
  } catch {
    return false;
  }
}

function tagOf(value, name) {
  const tag = value[Symbol.toStringTag];
  return typeof tag === "string" && tag !== "" && tag !== name ? tag : "";
}

function prefix(name, tag, fallback, size = "") {
  if (name === null) return `[${fallback}${size}: null prototype] ${tag && tag !== fallback ? `[${tag}] ` : ""}`;
  return `${name}${size} ${tag ? `[${tag}] ` : ""}`;
}

function keysOf(state, value, skipIndexes) {
  let keys = state.showHidden ? Object.getOwnPropertyNames(value) : Object.keys(value);
  if (skipIndexes) keys = keys.filter((key) => !/^(0|[1-9]\d{0,9})$/.test(key));
  for (const symbol of Object.getOwnPropertySymbols(value)) {
    if (state.showHidden || Object.prototype.propertyIsEnumerable.call(value, symbol)) keys.push(symbol);
  }
  return keys;
}

function show(state, value, depth, typed) {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return showPrimitive(state, value);
  const target = native.proxyTarget(value);
  const subject = target ?? value;
  if (state.customInspect) {
    const own = subject[custom];
    if (typeof own === "function" && own !== inspect) {
      const { seen, circular, indent, level, ...options } = state;
      const shown = own.call(value, state.depth - depth, { ...options, depth: state.depth - depth }, inspect);
      if (shown !== value) {
        return typeof shown === "object" && shown !== null ? show(state, shown, depth) : `${shown}`.replaceAll("\n", `\n${" ".repeat(state.indent)}`);
      }
    }
  }
  if (state.seen.includes(subject)) {
    if (!state.circular.has(subject)) state.circular.set(subject, state.circular.size + 1);
    return `[Circular *${state.circular.get(subject)}]`;
  }
  return showObject(state, subject, depth, typed);
}

const listKind = 1;
const objectKind = 0;

function showObject(state, value, depth) {
  const name = constructorName(value);
  const tag = tagOf(value, name);
  let base = "";
  let braces = ["{", "}"];
  let keys;
  let kind = objectKind;
  let entries = () => [];

  if (Array.isArray(value)) {
    keys = keysOf(state, value, true);
    const before = name !== "Array" || tag ? prefix(name, tag, "Array", `(${value.length})`) : "";
    braces = [`${before}[`, "]"];
    if (value.length === 0 && keys.length === 0) return `${braces[0]}]`;
    kind = listKind;
    entries = showArray;
  } else if (value instanceof Set && isReal(Set.prototype, "size", value)) {
    keys = keysOf(state, value);
    const before = prefix(name, tag, "Set", `(${value.size})`);
    if (value.size === 0 && keys.length === 0) return `${before}{}`;
    braces[0] = `${before}{`;
    entries = showSet;
  } else if (value instanceof Map && isReal(Map.prototype, "size", value)) {
    keys = keysOf(state, value);
    const before = prefix(name, tag, "Map", `(${value.size})`);
    if (value.size === 0 && keys.length === 0) return `${before}{}`;
    braces[0] = `${before}{`;
    entries = showMap;
  } else if (value instanceof TypedArray) {
    keys = keysOf(state, value, true);
    const kindName = typedArrayTag.call(value);
    const before = prefix(name, tag === kindName ? "" : tag, kindName, `(${value.length})`);
    braces = [`${before}[`, "]"];
    if (value.length === 0 && keys.length === 0) return `${braces[0]}]`;
    kind = listKind;
    entries = showTypedArray;
  } else {
    keys = keysOf(state, value, value instanceof String);
    const special = specialBase(state, value, name, tag, keys, depth);
    if (special !== undefined) {
      base = special.base ?? "";
      if (special.braces) braces = special.braces;
      if (special.entries) entries = special.entries;
      if (special.keys) keys = special.keys;
      if (keys.length === 0 && !special.entries) return base;
    } else {
      const before = name === "Object" && !tag ? "" : prefix(name, tag, "Object");
      if (keys.length === 0) return `${before}{}`;
      braces[0] = `${before}{`;
    }
  }

  if (depth > state.depth) return `[${prefix(name, tag, Array.isArray(value) ? "Array" : "Object").slice(0, -1)}]`;
  state.seen.push(value);
  state.level = depth;
  const output = entries(state, value, depth);
  for (const key of keys) output.push(showProperty(state, value, key, depth, kind));
  state.seen.pop();

  if (state.circular.has(value)) {
    const reference = `<ref *${state.circular.get(value)}>`;
    if (state.compact !== true) base = base === "" ? reference : `${reference} ${base}`;
    else braces[0] = `${reference} ${braces[0]}`;
  }
  if (state.sorted) output.sort(typeof state.sorted === "function" ? state.sorted : undefined);
  return layOut(state, output, base, braces, kind, depth, value);
}

function isReal(prototype, key, value) {
  try {
    Object.getOwnPropertyDescriptor(prototype, key).get.call(value);
    return true;
  } catch {
    return false;
  }
}

const boxed = [
  [Number, "Number"], [String, "String"], [Boolean, "Boolean"], [BigInt, "BigInt"], [Symbol, "Symbol"],
];

// The text before the braces, or what else is particular to a kind of object;
// undefined for plain ones.
function specialBase(state, value, name, tag, keys, depth) {
  if (typeof value === "function") return { base: showFunction(value, name, tag), braces: ["{", "}"] };
  if (tag === "Module" || (name === null && Object.prototype.toString.call(value) === "[object Module]")) {
    return { braces: ["[Module: null prototype] {", "}"], entries: () => [] };
  }
  if (Object.prototype.toString.call(value) === "[object Arguments]") {
    return { braces: ["[Arguments] {", "}"], entries: () => [] };
  }
  if (value instanceof RegExp) return { base: RegExp.prototype.toString.call(value) };
  if (value instanceof Date) {
    return { base: Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString() };
  }
  if (value instanceof Error) return { base: showError(state, value, name, keys), keys: errorKeys(value, keys) };
  if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer)) {
    return { braces: [`${prefix(name, tag, "ArrayBuffer")}{`, "}"], entries: showBuffer };
  }
  if (value instanceof DataView) {
    return {
      braces: [`${prefix(name, tag, "DataView")}{`, "}"],
      entries: (s, v, d) => ["byteLength", "byteOffset", "buffer"].map((key) => `${key}: ${indented(s, 2, () => show(s, v[key], d + 1))}`),
    };
  }
  if (value instanceof Promise) {
    return {
      braces: [`${prefix(name, tag, "Promise")}{`, "}"],
      entries(s, v, d) {
        const [state, result] = native.promise(v);
        if (state === "pending") return ["<pending>"];
        const shown = indented(s, 2, () => show(s, result, d + 1));
        return [state === "rejected" ? `<rejected> ${shown}` : shown];
      },
    };
  }
  if (value instanceof WeakSet || value instanceof WeakMap) {
    return { braces: [`${prefix(name, tag, "WeakMap")}{`, "}"], entries: () => ["<items unknown>"] };
  }
  if (value instanceof WeakRef) {
    return {
      braces: [`${prefix(name, tag, "WeakRef")}{`, "}"],
      entries: (s, v, d) => [indented(s, 2, () => show(s, v.deref(), d + 1))],
    };
  }
  const iterator = /^(Map|Set) Iterator$/.exec(tag);
  if (iterator) return { braces: [`[${tag}] {`, "}"], entries: () => ["<items unknown>"] };
  for (const [constructor, kind] of boxed) {
    let inner;
    try {
      inner = constructor.prototype.valueOf.call(value);
    } catch {
      continue;
    }
    if (typeof inner === "object") continue;
    const label = name === kind ? kind : name === null ? `${kind} (null prototype)` : `${kind} (${name})`;
    return { base: `[${label}: ${showPrimitive({ ...state, indent: 0, breakLength: Infinity }, inner)}]` };
  }
  return undefined;
}

function showFunction(value, name, tag) {
  const parent = Object.getPrototypeOf(value);
  if (isClass(value)) {
    let text = value.name ? `[class ${value.name}` : "[class (anonymous)";
    if (name !== "Function" && name !== null) text += ` [${name}]`;
    if (tag && name !== tag) text += ` [${tag}]`;
    if (name === null) text += " extends [null prototype]";
    else if (typeof parent === "function" && parent.name) text += ` extends ${parent.name}`;
    return `${text}]`;
  }
  const kind = constructorName(value) ?? "Function";
  let text = `[${kind}${name === null ? " (null prototype)" : ""}`;
  text += value.name === "" ? " (anonymous)]" : `: ${value.name}]`;
  if (tag && tag !== kind) text += ` [${tag}]`;
  return text;
}

// Of compiled functions, only classes have a prototype that cannot be replaced;
// their source text is not part of a pack.
function isClass(value) {
  return native.isCompiled(value) && Object.getOwnPropertyDescriptor(value, "prototype")?.writable === false
    && !/Generator/.test(constructorName(value));
}

// ---- errors

function errorKeys(error, keys) {
  const left = keys.filter((key) => key !== "stack" && key !== "message" && !(key === "name" && error.stack?.includes?.(error.name)));
  if (Object.hasOwn(error, "cause") && !left.includes("cause")) left.push("cause");
  if (Array.isArray(error.errors) && Object.hasOwn(error, "errors") && !left.includes("errors")) left.push("errors");
  return left;
}

function showError(state, error, name) {
  let head;
  try {
    head = Error.prototype.toString.call(error);
  } catch {
    head = Object.prototype.toString.call(error);
  }
  const own = typeof error.name === "string" ? error.name : "Error";
  if (name !== null && name !== own && head.startsWith(own) && !name.includes(own)) head = `${own} [${name}]${head.slice(own.length)}`;
  else if (name !== null && name !== own && head.startsWith(own)) head = name + head.slice(own.length);
  const frames = typeof error.stack === "string" ? showStack(error.stack, head) : "";
  const text = frames ? `${head}\n${frames}` : `[${head}]`;
  return state.indent ? text.replaceAll("\n", `\n${" ".repeat(state.indent)}`) : text;
}

// ---- entries

function indented(state, by, body) {
  state.indent += by;
  try {
    return body();
  } finally {
    state.indent -= by;
  }
}

const more = (n) => `... ${n} more item${n > 1 ? "s" : ""}`;

function showArray(state, value, depth) {
  const output = [];
  let at = 0;
  while (at < value.length && output.length < state.maxArrayLength) {
    if (Object.hasOwn(value, at)) {
      output.push(showProperty(state, value, `${at}`, depth, listKind));
      at++;
      continue;
    }
    const start = at;
    while (at < value.length && !Object.hasOwn(value, at)) at++;
    output.push(`<${at - start} empty item${at - start > 1 ? "s" : ""}>`);
  }
  if (at < value.length) output.push(more(value.length - at));
  return output;
}

function showTypedArray(state, value) {
  const shown = Math.min(state.maxArrayLength, value.length);
  const output = new Array(shown);
  for (let i = 0; i < shown; i++) output[i] = showPrimitive(state, value[i]);
  if (value.length > shown) output.push(more(value.length - shown));
  return output;
}

function showBuffer(state, value) {
  const bytes = new Uint8Array(value);
  const shown = Math.min(50, bytes.length);
  let hex = "";
  for (let i = 0; i < shown; i++) hex += `${i ? " " : ""}${bytes[i].toString(16).padStart(2, "0")}`;
  if (bytes.length > shown) hex += ` ... ${bytes.length - shown} more byte${bytes.length - shown > 1 ? "s" : ""}`;
  return [`[Uint8Contents]: <${hex}>`, `byteLength: ${bytes.length}`];
}

function showSet(state, value, depth) {
  return indented(state, 2, () => {
    const output = [];
    for (const item of Set.prototype.values.call(value)) {
      if (output.length >= state.maxArrayLength) {
        output.push(more(value.size - output.length));
        break;
      }
      output.push(show(state, item, depth + 1));
    }
    return output;
  });
}

function showMap(state, value, depth) {
  return indented(state, 2, () => {
    const output = [];
    for (const [key, item] of Map.prototype.entries.call(value)) {
      if (output.length >= state.maxArrayLength) {
        output.push(more(value.size - output.length));
        break;
      }
      output.push(`${show(state, key, depth + 1)} => ${show(state, item, depth + 1)}`);
    }
    return output;
  });
}

function showProperty(state, value, key, depth, kind) {
  const d = Object.getOwnPropertyDescriptor(value, key) ?? { value: value[key], enumerable: true };
  let shown;
  if (d.get) shown = d.set ? "[Getter/Setter]" : "[Getter]";
  else if (d.set) shown = "[Setter]";
  else shown = indented(state, 2, () => show(state, d.value, depth + 1));
  if (kind === listKind && typeof key === "string" && /^\d+$/.test(key)) return shown;
  let label;
  if (typeof key === "symbol") label = `[${key.toString()}]`;
  else if (key === "__proto__") label = "['__proto__']";
  else if (!d.enumerable) label = `[${key}]`;
  else label = isIdentifier(key) ? key : quote(key);
  return `${label}: ${shown}`;
}

// ---- layout

function layOut(state, output, base, braces, kind, depth, value) {
  if (state.compact !== true && typeof state.compact === "number" && state.compact >= 1) {
    const entries = output.length;
    if (kind === listKind && entries > 6) output = inColumns(state, output, value);
    if (state.level - depth < state.compact && entries === output.length) {
      const start = output.length + state.indent + braces[0].length + base.length + 10;
      if (fits(state, output, start, base)) {
        const joined = output.join(", ");
        if (!joined.includes("\n")) return `${base ? `${base} ` : ""}${braces[0]} ${joined} ${braces[1]}`;
      }
    }
  }
  const indent = `\n${" ".repeat(state.indent)}`;
  return `${base ? `${base} ` : ""}${braces[0]}${indent}  ${output.join(`,${indent}  `)}${indent}${braces[1]}`;
}

function fits(state, output, start, base) {
  let total = output.length + start;
  if (total + output.length > state.breakLength) return false;
  for (const text of output) {
    total += text.length;
    if (total > state.breakLength) return false;
  }
  return base === "" || !base.includes("\n");
}

// Sets many short entries in columns whose number suits their lengths.
function inColumns(state, output, value) {
  let count = output.length;
  if (state.maxArrayLength < output.length) count--; // the "... more items" line
  let total = 0;
  let longest = 0;
  const lengths = [];
  for (let i = 0; i < count; i++) {
    const length = output[i].length;
    lengths.push(length);
    total += length + 2;
    longest = Math.max(longest, length);
  }
  const widest = longest + 2;
  if (!(widest * 3 + state.indent < state.breakLength && (total / widest > 5 || longest <= 6))) return output;
  const bias = Math.sqrt(widest - total / output.length);
  const biased = Math.max(widest - 3 - bias, 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * biased * count) / biased),
    Math.floor((state.breakLength - state.indent) / widest),
    state.compact * 4,
    15,
  );
  if (columns <= 1) return output;
  const widths = [];
  for (let i = 0; i < columns; i++) {
    let width = 0;
    for (let j = i; j < count; j += columns) width = Math.max(width, lengths[j]);
    widths.push(width + 2);
  }
  const numbers = value !== undefined && Array.prototype.every.call(value, (item) => typeof item === "number" || typeof item === "bigint");
  const rows = [];
  for (let i = 0; i < count; i += columns) {
    const end = Math.min(i + columns, count);
    let row = "";
    for (let j = i; j < end - 1; j++) {
      const cell = `${output[j]}, `;
      row += numbers ? cell.padStart(widths[j - i]) : cell.padEnd(widths[j - i]);
    }
    row += numbers ? output[end - 1].padStart(widths[end - 1 - i] - 2) : output[end - 1];
    rows.push(row);
  }
  if (state.maxArrayLength < output.length) rows.push(output[count]);
  return rows;
}

// ---- format

export function format(first, ...rest) {
  if (arguments.length === 0) return "";
  let text = "";
  let used = 0;
  if (typeof first === "string") {
    text = rest.length === 0 ? first : first.replace(/%([sdifjoOc%])/g, (directive, letter) => {
      if (letter === "%") return "%";
      if (used >= rest.length) return directive;
      const value = rest[used++];
      switch (letter) {
        case "s":
          if (typeof value === "string") return value;
          if (typeof value === "bigint") return `${value}n`;
          if (typeof value === "object" && value !== null && !hasOwnToString(value)) return inspect(value, { depth: 0, compact: 3 });
          return Object.is(value, -0) ? "-0" : String(value);
        case "d":
          if (typeof value === "bigint") return `${value}n`;
          return typeof value === "symbol" ? "NaN" : showPrimitive({}, Number(value));
        case "i":
          if (typeof value === "bigint") return `${value}n`;
          return typeof value === "symbol" ? "NaN" : showPrimitive({}, parseInt(value, 10));
        case "f":
          return typeof value === "symbol" ? "NaN" : showPrimitive({}, parseFloat(value));
        case "j":
          try {
            return JSON.stringify(value) ?? "undefined";
          } catch {
            return "[Circular]";
          }
        case "o":
          return inspect(value, { showHidden: true, depth: 4 });
        case "O":
          return inspect(value);
        default: // %c takes styles, which a terminal does not have
          return "";
      }
    });
  } else {
    text = inspect(first);
  }
  for (const value of rest.slice(used)) text += ` ${typeof value === "string" ? value : inspect(value)}`;
  return text;
}

// Whether String(value) is something its class says, or only "[object ...]".
function hasOwnToString(value) {
  if (value instanceof Error || value instanceof Date) return true;
  for (let p = value; p && p !== Object.prototype && p !== Array.prototype; p = Object.getPrototypeOf(p)) {
    if (Object.hasOwn(p, "toString")) return true;
    const d = Object.getOwnPropertyDescriptor(p, "constructor");
    if (d && typeof d.value === "function" && !native.isCompiled(d.value)) return false;
  }
  return false;
}
