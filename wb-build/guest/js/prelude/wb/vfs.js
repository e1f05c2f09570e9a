import * as native from "wb:native";
import { fromBase64, toBase64 } from "./base64.js";
import { checked, data, json, text } from "./call.js";
import { DockError } from "./error.js";

// Files and tables of the tenant. A path begins with a volume: `workspace`,
// `memory` (both outlive a run) or `tmp`.
export const vfs = {
  // Runs one SQL statement: { columns, rows, changed }. Bytes are Uint8Arrays.
  query(volume, sql, params = []) {
    const bound = Array.from(params, (value) => (value instanceof Uint8Array ? { base64: toBase64(value) } : value));
    const result = json(checked(native.dockVfsQuery(`${volume}`, `${sql}`, JSON.stringify(bound)))[1]);
    for (const row of result.rows) {
      row.forEach((value, at) => {
        if (value?.base64 !== undefined) row[at] = fromBase64(value.base64);
      });
    }
    return result;
  },
  read: (path) => checked(native.dockVfsRead(`${path}`))[1],
  readText: (path) => text(vfs.read(path)),
  write(path, content) {
    checked(native.dockVfsWrite(`${path}`, data(content)));
  },
  // Whether there was such a file.
  remove: (path) => checked(native.dockVfsRemove(`${path}`))[0] === 1,
  // [{ name, directory, size }]
  list: (path) => json(checked(native.dockVfsList(`${path}`))[1]),
};

export { DockError };
