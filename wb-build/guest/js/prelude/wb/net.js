import * as native from "wb:native";
import { checked, data, json, text } from "./call.js";
import { DockError } from "./error.js";

// What a server answered. `headers` are [name, value] in order, names in lower case.
class Reply {
  constructor(head, body) {
    Object.assign(this, head);
    Object.defineProperty(this, "body", { value: body });
  }
  header(name) {
    return this.headers.find(([found]) => found === name.toLowerCase())?.[1];
  }
  text() {
    return text(this.body);
  }
  json() {
    return JSON.parse(this.text());
  }
}

// Sends an HTTP request and waits for the answer, whatever its status.
export function request(url, { method = "GET", headers = {}, body = "", timeoutMs, redirects } = {}) {
  const list = Array.isArray(headers) ? headers : Object.entries(headers);
  const head = JSON.stringify({
    method: method.toUpperCase(),
    url: `${url}`,
    headers: list.map(([name, value]) => [name, `${value}`]),
    timeout_ms: timeoutMs,
    redirects,
  });
  const [, content, about] = checked(native.dockRequest(head, data(body)));
  return new Reply(json(about), content);
}

export { DockError };
