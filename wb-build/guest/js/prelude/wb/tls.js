import * as native from "wb:native";
import { DockError } from "./error.js";
import { Connection } from "./socket.js";

const calls = {
  connect: native.dockTlsConnect,
  send: native.dockTlsSend,
  receive: native.dockTlsReceive,
  close: native.dockTlsClose,
};

export const tls = {
  // Connects to a TCP port and speaks TLS; the certificate must be the host's.
  connect: (host, port) => new Connection(calls, host, port),
};

export { DockError };
