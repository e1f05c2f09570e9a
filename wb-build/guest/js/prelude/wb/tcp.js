import * as native from "wb:native";
import { DockError } from "./error.js";
import { Connection } from "./socket.js";

const calls = {
  connect: native.dockTcpConnect,
  send: native.dockTcpSend,
  receive: native.dockTcpReceive,
  close: native.dockTcpClose,
};

export const tcp = {
  // Connects to a TCP port.
  connect: (host, port) => new Connection(calls, host, port),
};

export { DockError };
