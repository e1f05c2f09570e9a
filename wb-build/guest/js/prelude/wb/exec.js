import * as native from "wb:native";
import { checked, packed } from "./call.js";
import { DockError } from "./error.js";
import { inputBytes, Output } from "./output.js";

// Runs a registered command as `run` does, with environment variables.
export function exec(name, args = [], { stdin = "", env = {} } = {}) {
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  const reply = native.dockExec(`${name}`, packed(args), packed(variables), inputBytes(stdin));
  return new Output(...checked(reply));
}

export { DockError };
