import * as native from "wb:native";
import { checked, json } from "./call.js";
import { DockError } from "./error.js";

// A page of the web: { url, status, title, text, links: [{ text, url }] }.
export function browse(url) {
  return json(checked(native.dockBrowse(`${url}`))[1]);
}

export { DockError };
