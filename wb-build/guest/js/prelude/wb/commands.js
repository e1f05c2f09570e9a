import * as native from "wb:native";
import { DockError } from "./error.js";
import { packed } from "./call.js";
import { inputBytes, Output } from "./output.js";

// Runs a registered command and waits for it. A command that ran is no error,
// whatever its exit code; one that could not run throws a DockError.
export function run(name, args = [], stdin = "") {
  const [code, stdout, stderr] = native.dockRun(`${name}`, packed(args), inputBytes(stdin));
  if (code < 0) throw new DockError(code, stdout);
  return new Output(code, stdout, stderr);
}

export { DockError };
