// structuredClone: https://html.spec.whatwg.org/#structuredserializeinternal
import * as native from "wb:native";

const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function refuse(value) {
  const what = typeof value === "symbol" ? value.toString() : typeof value === "function" ? value.name || "a function" : Object.prototype.toString.call(value);
  throw new DOMException(`${what} could not be cloned.`, "DataCloneError");
}

export function structuredClone(value, options) {
  if (arguments.length === 0) throw new TypeError("structuredClone needs a value");
  const copies = new Map();
  for (const buffer of options?.transfer ?? []) {
    if (!(buffer instanceof ArrayBuffer)) refuse(buffer);
    copies.set(buffer, buffer.transfer());
  }
  return clone(value, copies);
}

function clone(value, copies) {
  if (typeof value === "symbol" || typeof value === "function") refuse(value);
  if (typeof value !== "object" || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (native.proxyTarget(value) !== undefined) refuse(value);
  const keep = (copy) => {
    copies.set(value, copy);
    return copy;
  };
  switch (Object.prototype.toString.call(value)) {
    case "[object Boolean]":
    case "[object Number]":
    case "[object String]":
    case "[object BigInt]":
      return keep(Object(value.valueOf()));
    case "[object Symbol]":
      return refuse(value);
  }
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    const buffer = clone(value.buffer, copies);
    const length = value instanceof DataView ? value.byteLength : value.length;
    return keep(new globalThis[value instanceof DataView ? "DataView" : value[Symbol.toStringTag]](buffer, value.byteOffset, length));
  }
  if (value instanceof Map) {
    const copy = keep(new Map());
    for (const [key, item] of [...value]) copy.set(clone(key, copies), clone(item, copies));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set());
    for (const item of [...value]) copy.add(clone(item, copies));
    return copy;
  }
  if (value instanceof Error) {
    const copy = keep(Object.create((errors[value.name] ?? Error).prototype));
    const plain = new Error();
    Object.setPrototypeOf(plain, Object.getPrototypeOf(copy));
    copies.set(value, plain);
    const hidden = (key, item) => Object.defineProperty(plain, key, { value: item, writable: true, configurable: true, enumerable: false });
    if (Object.hasOwn(value, "message")) hidden("message", `${value.message}`);
    hidden("stack", value.stack);
    if (Object.hasOwn(value, "cause")) hidden("cause", clone(value.cause, copies));
    return plain;
  }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) refuse(value);
  const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
  for (const key of Object.keys(value)) {
    Object.defineProperty(copy, key, { value: clone(value[key], copies), writable: true, enumerable: true, configurable: true });
  }
  return copy;
}
