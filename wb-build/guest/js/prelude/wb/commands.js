import * as native from "wb:native";
import { DockError } from "./error.js";
import { inputBytes, Output } from "./output.js";

// Runs a registered command and waits for it. A command that ran is no error,
// whatever its exit code; one that could not run throws a DockError.
export function run(name, args = [], stdin = "") {
  let packed = "";
  for (const arg of args) {
    if (`${arg}`.includes("\0")) throw new TypeError("an argument cannot contain a NUL");
    packed += `${arg}\0`;
  }
  const [code, stdout, stderr] = native.dockRun(`${name}`, packed, inputBytes(stdin));
  if (code < 0) throw new DockError(code, stdout);
  return new Output(code, stdout, stderr);
}

export { DockError };
