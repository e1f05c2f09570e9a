// `import { session, run, runMany } from "wb"`: the Dock, all in one.
export { session } from "./wb/session.js";
export { run } from "./wb/commands.js";
export { runMany } from "./wb/parallel.js";
export { DockError } from "./wb/error.js";
