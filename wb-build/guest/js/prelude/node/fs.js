// The synchronous calls of node:fs that command-line programs live on. Paths
// lie below the directories that the command was given; 0, 1 and 2 are the
// standard streams.
import * as native from "wb:native";
import { TextDecoder } from "../text.js";

const streams = { "/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2 };

function withFile(file, mode, use) {
  const standard = typeof file === "number" ? file : streams[file];
  if (standard !== undefined) return use(standard);
  const fd = native.open(`${file}`, mode);
  try {
    return use(fd);
  } finally {
    native.close(fd);
  }
}

export function readFileSync(file, options) {
  const encoding = typeof options === "string" ? options : options?.encoding;
  const bytes = withFile(file, "r", (fd) => native.readAll(fd));
  return encoding && encoding !== "buffer" ? new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes) : bytes;
}

function bytesOf(data) {
  return typeof data === "string" || ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data : `${data}`;
}

export function writeFileSync(file, data) {
  withFile(file, "w", (fd) => native.write(fd, bytesOf(data)));
}

export function appendFileSync(file, data) {
  withFile(file, "a", (fd) => native.write(fd, bytesOf(data)));
}

export function statSync(path, { throwIfNoEntry = true } = {}) {
  try {
    const [kind, size, mtimeMs] = native.stat(`${path}`);
    return { size, mtimeMs, mtime: new Date(mtimeMs), isFile: () => kind === "file", isDirectory: () => kind === "directory" };
  } catch (error) {
    if (error.code === "ENOENT" && !throwIfNoEntry) return undefined;
    throw error;
  }
}

export function existsSync(path) {
  try {
    native.stat(`${path}`);
    return true;
  } catch {
    return false;
  }
}

export const readdirSync = (path) => native.list(`${path}`).sort();

export function mkdirSync(path, { recursive = false } = {}) {
  if (!recursive) return native.mkdir(`${path}`);
  let made = `${path}`.startsWith("/") ? "/" : "";
  for (const part of `${path}`.split("/")) {
    if (!part) continue;
    made += part;
    if (!existsSync(made)) native.mkdir(made);
    made += "/";
  }
}

export const unlinkSync = (path) => native.unlink(`${path}`);

export default {
  appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, unlinkSync, writeFileSync,
};
