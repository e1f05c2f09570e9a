import * as native from "wb:native";
import { DockError } from "./error.js";
import { Connection } from "./socket.js";

const calls = {
  connect: native.dockUdpConnect,
  send: native.dockUdpSend,
  receive: native.dockUdpReceive,
  close: native.dockUdpClose,
};

export const udp = {
  // Opens a socket that talks to one address; `send` and `receive` take one datagram each.
  connect: (host, port) => new Connection(calls, host, port),
};

export { DockError };
