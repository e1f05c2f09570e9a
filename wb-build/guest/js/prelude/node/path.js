// node:path for POSIX paths.
export const sep = "/";

export const isAbsolute = (path) => path.startsWith("/");

export function normalize(path) {
  const absolute = isAbsolute(path);
  const parts = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length && parts.at(-1) !== "..") parts.pop();
    else if (part !== ".." || !absolute) parts.push(part);
  }
  const tail = parts.join("/") + (parts.length && path.endsWith("/") ? "/" : "");
  return (absolute ? "/" : "") + tail || (absolute ? "/" : ".");
}

export function join(...parts) {
  const joined = parts.filter((part) => part !== "").join("/");
  return joined === "" ? "." : normalize(joined);
}

export function resolve(...parts) {
  let path = "";
  for (const part of ["/", ...parts]) path = isAbsolute(part) ? part : `${path}/${part}`;
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

export function dirname(path) {
  const trimmed = path.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  if (slash < 0) return trimmed === "" && path !== "" ? "/" : ".";
  return trimmed.slice(0, slash).replace(/\/+$/, "") || "/";
}

export function basename(path, suffix = "") {
  const name = path.replace(/\/+$/, "").split("/").at(-1);
  return suffix && name !== suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export function extname(path) {
  const name = basename(path);
  const dot = name.lastIndexOf(".");
  return dot <= 0 || /^\.+$/.test(name) ? "" : name.slice(dot);
}

export function relative(from, to) {
  const a = resolve(from).split("/").filter(Boolean);
  const b = resolve(to).split("/").filter(Boolean);
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  return [...a.slice(same).map(() => ".."), ...b.slice(same)].join("/");
}

export default { basename, dirname, extname, isAbsolute, join, normalize, relative, resolve, sep };
