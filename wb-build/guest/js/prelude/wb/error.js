const codes = {
  [-1]: "not-found",
  [-2]: "too-deep",
  [-3]: "refused",
  [-4]: "bad-request",
  [-5]: "failed",
  [-6]: "limit",
  [-7]: "unavailable",
  [-8]: "timed-out",
};

// A call to the Dock that failed. `code` is one of the words above.
export class DockError extends Error {
  constructor(status, message) {
    super(message || codes[status] || `status ${status}`);
    this.code = codes[status] ?? "unknown";
  }
}
Object.defineProperty(DockError.prototype, "name", { value: "DockError", configurable: true, writable: true });
