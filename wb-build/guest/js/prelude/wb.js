// `import { session, run, kv, vfs } from "wb"`: the Dock, all in one. Only what a
// program imports becomes an import of its command.
export { session } from "./wb/session.js";
export { run } from "./wb/commands.js";
export { runMany } from "./wb/parallel.js";
export { exec } from "./wb/exec.js";
export { vfs } from "./wb/vfs.js";
export { kv } from "./wb/kv.js";
export { queue } from "./wb/queue.js";
export { secrets } from "./wb/secrets.js";
export { request } from "./wb/net.js";
export { browse } from "./wb/browse.js";
export { llm } from "./wb/llm.js";
export { tcp } from "./wb/tcp.js";
export { tls } from "./wb/tls.js";
export { udp } from "./wb/udp.js";
export { DockError } from "./wb/error.js";
