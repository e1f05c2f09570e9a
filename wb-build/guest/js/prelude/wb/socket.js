import { checked, data } from "./call.js";
import { DockError } from "./error.js";

// A connection: what is sent arrives whole, `receive` waits and gives up to
// `most` bytes, none when the peer has closed. Closing again does nothing.
export class Connection {
  #handle;
  #calls;
  constructor(calls, host, port) {
    this.#calls = calls;
    this.#handle = checked(calls.connect(`${host}`, port))[0];
  }
  // A closed connection is told here, where it is known, and not by what a host says
  // of a number that it has taken back.
  get #open() {
    if (this.#handle === null) throw new DockError(-4, "the connection is closed");
    return this.#handle;
  }
  send(bytes) {
    checked(this.#calls.send(this.#open, data(bytes)));
  }
  receive(most = 65536) {
    return checked(this.#calls.receive(this.#open, most))[1];
  }
  close() {
    if (this.#handle === null) return;
    const handle = this.#handle;
    this.#handle = null;
    checked(this.#calls.close(handle));
  }
}
