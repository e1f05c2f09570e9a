import * as native from "wb:native";
import { checked, data, text } from "./call.js";
import { DockError } from "./error.js";

// Keys and values that outlive a run.
export const kv = {
  // The value as bytes, or null.
  get(key) {
    const [found, value] = checked(native.dockKvGet(`${key}`));
    return found ? value : null;
  },
  getText(key) {
    const value = kv.get(key);
    return value && text(value);
  },
  put(key, value) {
    checked(native.dockKvPut(`${key}`, data(value)));
  },
  // Whether there was such a key.
  delete: (key) => checked(native.dockKvDelete(`${key}`))[0] === 1,
  // The keys that begin with `prefix`, in order.
  list: (prefix = "") => text(checked(native.dockKvList(`${prefix}`))[1]).split("\0").slice(0, -1),
};

export { DockError };
