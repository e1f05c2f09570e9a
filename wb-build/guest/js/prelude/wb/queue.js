import * as native from "wb:native";
import { checked, data, text } from "./call.js";
import { DockError } from "./error.js";

// Messages from program to program: in order, each delivered once.
export const queue = {
  publish(topic, message) {
    checked(native.dockPublish(`${topic}`, data(message)));
  },
  // The oldest message as bytes, or null; does not wait.
  poll(topic) {
    const [found, message] = checked(native.dockPoll(`${topic}`));
    return found ? message : null;
  },
  pollText(topic) {
    const message = queue.poll(topic);
    return message && text(message);
  },
};

export { DockError };
