import { checked, data } from "./call.js";

// A connection: what is sent arrives whole, `receive` waits and gives up to
// `most` bytes, none when the peer has closed.
export class Connection {
  #handle;
  #calls;
  constructor(calls, host, port) {
    this.#calls = calls;
    this.#handle = checked(calls.connect(`${host}`, port))[0];
  }
  send(bytes) {
    checked(this.#calls.send(this.#handle, data(bytes)));
  }
  receive(most = 65536) {
    return checked(this.#calls.receive(this.#handle, most))[1];
  }
  close() {
    checked(this.#calls.close(this.#handle));
  }
}
