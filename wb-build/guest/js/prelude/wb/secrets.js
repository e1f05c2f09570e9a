import * as native from "wb:native";
import { checked, data } from "./call.js";
import { DockError } from "./error.js";

// Secrets are used by name and cannot be read. In a request, the text
// {{secret:NAME}} stands for one.
export const secrets = {
  present: (name) => checked(native.dockSecretPresent(`${name}`))[0] === 1,
  // The Ed25519 signature, 64 bytes.
  sign: (name, message) => checked(native.dockSecretSign(`${name}`, data(message)))[1],
  // The HMAC-SHA256, 32 bytes.
  hmac: (name, message) => checked(native.dockSecretHmac(`${name}`, data(message)))[1],
};

export { DockError };
