import * as native from "wb:native";
import { DockError } from "./error.js";
import { inputBytes, Output } from "./output.js";

function pack(inputs) {
  const parts = inputs.map((input) => {
    const bytes = inputBytes(input);
    return new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength);
  });
  const bytes = new Uint8Array(parts.reduce((size, part) => size + 4 + part.length, 4));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, parts.length, true);
  let at = 4;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

// Runs one command over many inputs at once. The results keep the order of the
// inputs: an Output for each that ran, a DockError for each that did not.
export function runMany(name, inputs) {
  const list = Array.from(inputs);
  const reply = native.dockRunMany(`${name}`, pack(list));
  if (Array.isArray(reply)) throw new DockError(...reply);
  const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  let at = 0;
  const take = () => {
    const length = view.getUint32(at, true);
    at += 4 + length;
    return reply.slice(at - length, at);
  };
  return list.map(() => {
    const status = view.getInt32(at, true);
    at += 4;
    const stdout = take();
    const stderr = take();
    return status < 0 ? new DockError(status, native.decode(stderr, false)) : new Output(status, stdout, stderr);
  });
}

export { DockError };
