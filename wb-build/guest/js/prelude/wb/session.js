import * as native from "wb:native";
import { DockError } from "./error.js";

// { id, tenant, profile } of the session this command runs in.
export function session() {
  const reply = native.dockSession();
  if (typeof reply !== "string") throw new DockError(...reply);
  return JSON.parse(reply);
}
