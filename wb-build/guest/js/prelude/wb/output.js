import * as native from "wb:native";

// What a command left: its exit code, and its output as text or as bytes.
export class Output {
  constructor(code, stdoutBytes, stderrBytes) {
    this.code = code;
    Object.defineProperty(this, "stdoutBytes", { value: stdoutBytes });
    Object.defineProperty(this, "stderrBytes", { value: stderrBytes });
    this.stdout = native.decode(stdoutBytes, false);
    this.stderr = native.decode(stderrBytes, false);
  }
}

export function inputBytes(input) {
  if (typeof input === "string") return native.encode(input);
  if (ArrayBuffer.isView(input) || input instanceof ArrayBuffer) return input;
  throw new TypeError(`stdin must be text or bytes, not ${input === null ? "null" : typeof input}`);
}
