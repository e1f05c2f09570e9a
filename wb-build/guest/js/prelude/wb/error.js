const codes = {
  [-1]: "no-such-command",
  [-2]: "too-deep",
  [-3]: "refused",
  [-4]: "bad-request",
  [-5]: "child-failed",
  [-6]: "limit",
};

// A call to the Dock that failed. `code` is one of the words above.
export class DockError extends Error {
  constructor(status, message) {
    super(message || codes[status] || `status ${status}`);
    this.code = codes[status] ?? "unknown";
  }
}
Object.defineProperty(DockError.prototype, "name", { value: "DockError", configurable: true, writable: true });
