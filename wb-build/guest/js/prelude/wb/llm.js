import * as native from "wb:native";
import { checked, text } from "./call.js";
import { DockError } from "./error.js";

// A prompt is a text, or { model, system, messages: [{ role, content }],
// max_tokens, temperature, stop }.
function asked(prompt) {
  if (typeof prompt === "object") return JSON.stringify(prompt);
  return JSON.stringify({ messages: [{ role: "user", content: `${prompt}` }] });
}

export const llm = {
  // The whole answer.
  complete: (prompt) => text(checked(native.dockComplete(asked(prompt)))[1]),
  // The answer in pieces, as they come.
  *stream(prompt) {
    const [handle] = checked(native.dockLlmOpen(asked(prompt)));
    try {
      for (;;) {
        const [length, piece] = checked(native.dockLlmNext(handle));
        if (length === 0) return;
        yield text(piece);
      }
    } finally {
      native.dockLlmClose(handle);
    }
  },
};

export { DockError };
