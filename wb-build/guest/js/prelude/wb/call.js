import * as native from "wb:native";
import { DockError } from "./error.js";

// A reply of the host as [status, ...values], or a DockError thrown.
export function checked(reply) {
  if (reply[0] < 0) throw new DockError(...reply);
  return reply;
}

export const text = (bytes) => native.decode(bytes, false);

export const json = (bytes) => JSON.parse(text(bytes));

// What may be sent: text or bytes.
export function data(value) {
  if (typeof value === "string" || ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value;
  throw new TypeError(`wanted text or bytes, not ${value === null ? "null" : typeof value}`);
}

// Texts back to back, each ended by a NUL.
export function packed(list) {
  let all = "";
  for (const item of list) {
    if (`${item}`.includes("\0")) throw new TypeError("an argument cannot contain a NUL");
    all += `${item}\0`;
  }
  return all;
}
