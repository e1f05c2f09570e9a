// URL and URLSearchParams: https://url.spec.whatwg.org. Host names outside
// ASCII are lowercased, normalised (NFKC) and Punycode-encoded, which is UTS #46
// without its table of disallowed characters.
import * as native from "wb:native";

const specialPorts = { "ftp:": "21", "file:": "", "http:": "80", "https:": "443", "ws:": "80", "wss:": "443" };

const isSpecial = (url) => Object.hasOwn(specialPorts, url.scheme);

// ---- percent-encoding

// The ASCII characters that each part encodes, beyond controls and non-ASCII.
const fragmentSet = ' "<>`';
const querySet = ' "#<>';
const specialQuerySet = `${querySet}'`;
const pathSet = `${querySet}?^\`{}`;
const userinfoSet = `${pathSet}/:;=@[\\]|`;

function encodeWith(text, set) {
  let out = "";
  for (const c of text) {
    const code = c.codePointAt(0);
    if (code > 0x1f && code < 0x7f && !set.includes(c)) {
      out += c;
      continue;
    }
    for (const byte of native.encode(c)) out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

const hexValue = (code) => (code >= 48 && code <= 57 ? code - 48 : (code | 32) >= 97 && (code | 32) <= 102 ? (code | 32) - 87 : -1);

function decodePercent(text) {
  const bytes = native.encode(text);
  let n = 0;
  for (let i = 0; i < bytes.length; i++, n++) {
    const high = bytes[i] === 37 && i + 2 < bytes.length ? hexValue(bytes[i + 1]) : -1;
    const low = high >= 0 ? hexValue(bytes[i + 2]) : -1;
    if (low >= 0) i += 2;
    bytes[n] = low >= 0 ? high * 16 + low : bytes[i];
  }
  return native.decode(bytes.subarray(0, n), false);
}

// ---- hosts

const forbiddenHost = /[\0\t\n\r #/:<>?@[\\\]^|]/;
const forbiddenDomain = /[\0-\x20#%/:<>?@[\\\]^`{|}\x7f]/; // the above, controls, %, DEL

// RFC 3492
function punycode(label) {
  const points = Array.from(label, (c) => c.codePointAt(0));
  let out = points.filter((c) => c < 128).map((c) => String.fromCharCode(c)).join("");
  let handled = out.length;
  const basic = handled;
  if (basic) out += "-";
  let n = 128;
  let delta = 0;
  let bias = 72;
  while (handled < points.length) {
    const next = Math.min(...points.filter((c) => c >= n));
    delta += (next - n) * (handled + 1);
    n = next;
    for (const c of points) {
      if (c < n) delta++;
      if (c !== n) continue;
      let q = delta;
      for (let k = 36; ; k += 36) {
        const t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        if (q < t) break;
        const digit = t + ((q - t) % (36 - t));
        out += String.fromCharCode(digit < 26 ? digit + 97 : digit + 22);
        q = Math.floor((q - t) / (36 - t));
      }
      out += String.fromCharCode(q < 26 ? q + 97 : q + 22);
      let k = 0;
      delta = handled === basic ? Math.floor(delta / 700) : delta >> 1;
      delta += Math.floor(delta / (handled + 1));
      for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
      bias = k + Math.floor((36 * delta) / (delta + 38));
      delta = 0;
      handled++;
    }
    delta++;
    n++;
  }
  return `xn--${out}`;
}

function domainToAscii(domain) {
  const normal = domain.normalize("NFKC").toLowerCase().normalize("NFC").replace(/[\u00ad\u200b\u2060\ufeff]/g, "").replace(/[\u3002\uff0e\uff61]/g, ".");
  const ascii = normal.split(".").map((label) => (/[^\0-\x7f]/.test(label) ? punycode(label) : label)).join(".");
  return ascii === "" || forbiddenDomain.test(ascii) ? null : ascii;
}

function parseNumber(part) {
  if (part === "") return NaN;
  let radix = 10;
  if (/^0x/i.test(part)) [part, radix] = [part.slice(2), 16];
  else if (part.length > 1 && part[0] === "0") [part, radix] = [part.slice(1), 8];
  if (part === "") return 0;
  const digits = radix === 16 ? /^[0-9a-f]+$/i : radix === 8 ? /^[0-7]+$/ : /^[0-9]+$/;
  return digits.test(part) ? parseInt(part, radix) : NaN;
}

// The text of an IPv4 address; null if it is wrong, undefined if it is a domain.
function parseIPv4(host) {
  const parts = host.split(".");
  if (parts.at(-1) === "" && parts.length > 1) parts.pop();
  const last = parts.at(-1);
  if (!/^[0-9]+$/.test(last) && !(/^0x[0-9a-f]*$/i.test(last))) return undefined;
  if (parts.length > 4) return null;
  const numbers = parts.map(parseNumber);
  if (numbers.some(Number.isNaN)) return null;
  const tail = numbers.pop();
  if (numbers.some((n) => n > 255) || tail >= 256 ** (4 - numbers.length)) return null;
  let address = tail;
  numbers.forEach((n, i) => (address += n * 256 ** (3 - i)));
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

function parseIPv6(text) {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const groups = (half) => {
    if (half === "") return [];
    const list = [];
    const parts = half.split(":");
    for (const [i, part] of parts.entries()) {
      if (part.includes(".") && i === parts.length - 1) {
        const bytes = part.split(".");
        if (bytes.length !== 4 || !bytes.every((b) => /^(0|[1-9]\d{0,2})$/.test(b) && Number(b) < 256)) return null;
        list.push(bytes[0] * 256 + Number(bytes[1]), bytes[2] * 256 + Number(bytes[3]));
      } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
        list.push(parseInt(part, 16));
      } else {
        return null;
      }
    }
    return list;
  };
  const front = groups(halves[0]);
  const back = halves.length === 2 ? groups(halves[1]) : [];
  if (!front || !back) return null;
  const missing = 8 - front.length - back.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...front, ...new Array(missing).fill(0), ...back];
  let best = { at: -1, length: 1 }; // the first longest run of zeros is left out
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && all[j] === 0) j++;
    if (j - i > best.length) best = { at: i, length: j - i };
    if (j > i) i = j;
  }
  const hex = (list) => list.map((n) => n.toString(16)).join(":");
  const shown = best.at < 0 ? hex(all) : `${hex(all.slice(0, best.at))}::${hex(all.slice(best.at + best.length))}`;
  return `[${shown}]`;
}

// null if the host is wrong.
function parseHost(text, special) {
  if (text[0] === "[") return text.at(-1) === "]" ? parseIPv6(text.slice(1, -1)) : null;
  if (!special) return forbiddenHost.test(text) ? null : encodeWith(text, "");
  const ascii = domainToAscii(decodePercent(text));
  if (ascii === null) return null;
  const address = parseIPv4(ascii);
  return address === undefined ? ascii : address;
}

// ---- parsing

const isDriveLetter = (text) => /^[a-z][:|]$/i.test(text);
const startsWithDrive = (text) => /^[a-z][:|]([/\\?#]|$)/i.test(text);
const isDot = (part) => /^(\.|%2e)$/i.test(part);
const isDotDot = (part) => /^(\.|%2e){2}$/i.test(part);

function shorten(url) {
  if (url.scheme === "file:" && url.path.length === 1 && /^[a-z]:$/i.test(url.path[0])) return;
  url.path.pop();
}

function splitTail(text) {
  const hash = text.indexOf("#");
  const fragment = hash < 0 ? null : text.slice(hash + 1);
  if (hash >= 0) text = text.slice(0, hash);
  const mark = text.indexOf("?");
  const query = mark < 0 ? null : text.slice(mark + 1);
  return [mark < 0 ? text : text.slice(0, mark), query, fragment];
}

const encodeQuery = (url, query) => (query === null ? null : encodeWith(query, isSpecial(url) ? specialQuerySet : querySet));
const encodeFragment = (fragment) => (fragment === null ? null : encodeWith(fragment, fragmentSet));

// Appends the segments of `text` to url.path.
function parsePath(url, text) {
  const special = isSpecial(url);
  const parts = text.split(special ? /[/\\]/ : "/");
  for (const [i, part] of parts.entries()) {
    const isLast = i === parts.length - 1;
    if (isDotDot(part)) {
      shorten(url);
      if (isLast) url.path.push("");
    } else if (isDot(part)) {
      if (isLast) url.path.push("");
    } else if (url.scheme === "file:" && url.path.length === 0 && isDriveLetter(part)) {
      url.path.push(`${part[0]}:`);
    } else {
      url.path.push(encodeWith(part, pathSet));
    }
  }
}

function setPort(url, text) {
  if (!/^\d*$/.test(text)) return false;
  if (text !== "" && Number(text) > 65535) return false;
  const port = text === "" ? "" : `${Number(text)}`;
  url.port = port === specialPorts[url.scheme] ? "" : port;
  return true;
}

// "user:password@host:port"; false if it is wrong.
function parseAuthority(url, text) {
  const at = text.lastIndexOf("@");
  if (at >= 0) {
    const [user, ...rest] = text.slice(0, at).split(":");
    url.username = encodeWith(user, userinfoSet);
    url.password = encodeWith(rest.join(":"), userinfoSet);
    text = text.slice(at + 1);
    if (text === "") return false;
  }
  const colon = text.lastIndexOf(":");
  const hasPort = colon > text.lastIndexOf("]");
  const host = hasPort ? text.slice(0, colon) : text;
  if (host === "" && (isSpecial(url) || hasPort || at >= 0)) return false;
  url.host = host === "" ? "" : parseHost(host, isSpecial(url));
  if (url.host === null) return false;
  return !hasPort || setPort(url, text.slice(colon + 1));
}

function parse(input, base) {
  input = `${input}`.toWellFormed().replace(/^[\0-\x20]+|[\0-\x20]+$/g, "").replace(/[\t\n\r]/g, "");
  const url = { scheme: "", username: "", password: "", host: null, port: "", path: [], opaque: null, query: null, fragment: null };
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(input);
  if (!scheme) {
    if (!base || (base.opaque !== null && input[0] !== "#")) return null;
    url.scheme = base.scheme;
    return parseRelative(url, input, base);
  }
  url.scheme = scheme[0].toLowerCase();
  const rest = input.slice(scheme[0].length);
  const special = isSpecial(url);
  if (url.scheme === "file:") {
    return base?.scheme === "file:" ? parseFile(url, rest, base) : parseFile(url, rest, null);
  }
  if (special && base && base.scheme === url.scheme && !/^[/\\]{2}/.test(rest) && !/^\/\//.test(rest)) {
    return parseRelative(url, rest, base);
  }
  if (special) return parseWithAuthority(url, rest.replace(/^[/\\]*/, ""));
  if (rest.startsWith("//")) return parseWithAuthority(url, rest.slice(2));
  const [path, query, fragment] = splitTail(rest);
  url.query = encodeQuery(url, query);
  url.fragment = encodeFragment(fragment);
  if (path[0] === "/") parsePath(url, path.slice(1));
  else url.opaque = encodeWith(path, "").replace(/ $/, query !== null || fragment !== null ? "%20" : "");
  return url;
}

function parseWithAuthority(url, rest) {
  const end = rest.search(isSpecial(url) ? /[/\\?#]/ : /[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const [path, query, fragment] = splitTail(end < 0 ? "" : rest.slice(end));
  if (!parseAuthority(url, authority)) return null;
  if (path !== "") parsePath(url, path.slice(1));
  else if (isSpecial(url)) url.path.push("");
  url.query = encodeQuery(url, query);
  url.fragment = encodeFragment(fragment);
  return url;
}

function parseFile(url, rest, base) {
  url.host = "";
  if (/^[/\\]{2}/.test(rest)) {
    const after = rest.slice(2);
    const end = after.search(/[/\\?#]/);
    const host = end < 0 ? after : after.slice(0, end);
    if (!isDriveLetter(host)) {
      if (host !== "") {
        url.host = parseHost(host, true);
        if (url.host === null) return null;
        if (url.host === "localhost") url.host = "";
      }
      rest = end < 0 ? "" : after.slice(end);
    } else {
      rest = `/${after}`;
    }
    const [path, query, fragment] = splitTail(rest);
    parsePath(url, path.replace(/^[/\\]/, ""));
    url.query = encodeQuery(url, query);
    url.fragment = encodeFragment(fragment);
    return url;
  }
  if (/^[/\\]/.test(rest)) {
    const [path, query, fragment] = splitTail(rest);
    if (base) {
      url.host = base.host;
      if (!startsWithDrive(path.slice(1)) && /^[a-z]:$/i.test(base.path[0] ?? "")) url.path.push(base.path[0]);
    }
    parsePath(url, path.slice(1));
    url.query = encodeQuery(url, query);
    url.fragment = encodeFragment(fragment);
    return url;
  }
  if (base) return parseRelative(url, rest, base);
  const [path, query, fragment] = splitTail(rest);
  parsePath(url, path);
  url.query = encodeQuery(url, query);
  url.fragment = encodeFragment(fragment);
  return url;
}

function parseRelative(url, input, base) {
  const special = isSpecial(url);
  if (base.opaque !== null) {
    return { ...base, path: [], fragment: encodeFragment(input.slice(1)) };
  }
  const slash = special ? /^[/\\]/ : /^\//;
  if (url.scheme === "file:" && slash.test(input)) return parseFile(url, input, base);
  if (slash.test(input) && slash.test(input.slice(1))) return parseWithAuthority(url, special ? input.replace(/^[/\\]*/, "") : input.slice(2));
  Object.assign(url, { username: base.username, password: base.password, host: base.host, port: base.port });
  const [path, query, fragment] = splitTail(input);
  url.fragment = encodeFragment(fragment);
  if (slash.test(path)) {
    parsePath(url, path.slice(1));
    url.query = encodeQuery(url, query);
    return url;
  }
  url.path = [...base.path];
  url.query = base.query;
  if (path !== "") {
    if (url.scheme === "file:" && startsWithDrive(path)) url.path = [];
    else shorten(url);
    parsePath(url, path);
    url.query = null;
  }
  if (path !== "" || query !== null) url.query = encodeQuery(url, query);
  return url;
}

function pathOf(url) {
  return url.opaque !== null ? url.opaque : url.path.map((part) => `/${part}`).join("");
}

function serialize(url) {
  let text = url.scheme;
  if (url.host !== null) {
    text += "//";
    if (url.username || url.password) text += `${url.username}${url.password ? `:${url.password}` : ""}@`;
    text += url.host + (url.port === "" ? "" : `:${url.port}`);
  } else if (url.opaque === null && url.path.length > 1 && url.path[0] === "") {
    text += "/.";
  }
  text += pathOf(url);
  if (url.query !== null) text += `?${url.query}`;
  if (url.fragment !== null) text += `#${url.fragment}`;
  return text;
}

// ---- URL

export class URL {
  #url;
  #params;

  constructor(input, base) {
    const parsedBase = base === undefined ? null : parse(base, null);
    this.#url = base !== undefined && !parsedBase ? null : parse(input, parsedBase);
    if (!this.#url) {
      const error = new TypeError("Invalid URL");
      error.code = "ERR_INVALID_URL";
      error.input = `${input}`;
      if (base !== undefined) error.base = `${base}`;
      throw error;
    }
    this.#params = makeParams(this.#url.query ?? "", (text) => (this.#url.query = text === "" ? null : text));
  }

  static canParse(input, base) {
    return URL.parse(input, base) !== null;
  }

  static parse(input, base) {
    try {
      return new URL(input, base);
    } catch {
      return null;
    }
  }

  get href() {
    return serialize(this.#url);
  }

  set href(value) {
    const url = parse(value, null);
    if (!url) throw new TypeError("Invalid URL");
    this.#url = url;
    refill(this.#params, url.query ?? "");
  }

  get origin() {
    if (this.#url.scheme === "blob:") {
      const inner = parse(pathOf(this.#url), null);
      return inner && /^https?:$/.test(inner.scheme) ? new URL(pathOf(this.#url)).origin : "null";
    }
    return isSpecial(this.#url) && this.#url.scheme !== "file:" ? `${this.#url.scheme}//${this.host}` : "null";
  }

  get protocol() {
    return this.#url.scheme;
  }

  set protocol(value) {
    const match = /^([a-z][a-z0-9+.-]*)(:|$)/i.exec(`${value}`);
    if (!match) return;
    const scheme = `${match[1].toLowerCase()}:`;
    const url = this.#url;
    if (Object.hasOwn(specialPorts, scheme) !== isSpecial(url)) return;
    if (scheme === "file:" && (url.username || url.password || url.port)) return;
    if (url.scheme === "file:" && url.host === "") return;
    url.scheme = scheme;
    if (url.port === specialPorts[scheme]) url.port = "";
  }

  get username() {
    return this.#url.username;
  }

  set username(value) {
    if (this.#hasCredentialPlace()) this.#url.username = encodeWith(`${value}`, userinfoSet);
  }

  get password() {
    return this.#url.password;
  }

  set password(value) {
    if (this.#hasCredentialPlace()) this.#url.password = encodeWith(`${value}`, userinfoSet);
  }

  #hasCredentialPlace() {
    return this.#url.host !== null && this.#url.host !== "" && this.#url.scheme !== "file:";
  }

  get host() {
    const { host, port } = this.#url;
    return host === null ? "" : host + (port === "" ? "" : `:${port}`);
  }

  set host(value) {
    this.#setHost(`${value}`, true);
  }

  get hostname() {
    return this.#url.host ?? "";
  }

  set hostname(value) {
    this.#setHost(`${value}`, false);
  }

  #setHost(value, withPort) {
    const url = this.#url;
    if (url.opaque !== null) return;
    const text = value.split(isSpecial(url) ? /[/\\?#]/ : /[/?#]/)[0];
    const colon = text.lastIndexOf(":");
    const hasPort = colon > text.lastIndexOf("]");
    if (hasPort && !withPort) return;
    const name = hasPort ? text.slice(0, colon) : text;
    if (name === "" && (isSpecial(url) && url.scheme !== "file:" || url.username || url.password || url.port)) return;
    const host = name === "" ? "" : parseHost(name, isSpecial(url));
    if (host === null) return;
    url.host = url.scheme === "file:" && host === "localhost" ? "" : host;
    if (hasPort) this.port = text.slice(colon + 1);
  }

  get port() {
    return this.#url.port;
  }

  set port(value) {
    if (!this.#hasCredentialPlace()) return;
    const text = `${value}`;
    if (text === "") this.#url.port = "";
    else if (/^\d/.test(text)) setPort(this.#url, /^\d+/.exec(text)[0]);
  }

  get pathname() {
    return pathOf(this.#url);
  }

  set pathname(value) {
    const url = this.#url;
    if (url.opaque !== null) return;
    url.path = [];
    parsePath(url, `${value}`.replace(isSpecial(url) ? /^[/\\]/ : /^\//, "").replaceAll("?", "%3F").replaceAll("#", "%23"));
  }

  get search() {
    return this.#url.query ? `?${this.#url.query}` : "";
  }

  set search(value) {
    const text = `${value}`.replace(/^\?/, "");
    this.#url.query = text === "" ? null : encodeQuery(this.#url, text.replaceAll("#", "%23"));
    refill(this.#params, this.#url.query ?? "");
  }

  get searchParams() {
    return this.#params;
  }

  get hash() {
    return this.#url.fragment ? `#${this.#url.fragment}` : "";
  }

  set hash(value) {
    const text = `${value}`.replace(/^#/, "");
    this.#url.fragment = text === "" ? null : encodeFragment(text);
  }

  toString() {
    return this.href;
  }

  toJSON() {
    return this.href;
  }

  [Symbol.for("nodejs.util.inspect.custom")](depth, options, inspect) {
    const shown = {};
    for (const key of ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "searchParams", "hash"]) shown[key] = this[key];
    return `URL ${inspect(shown, options)}`;
  }
}
Object.defineProperty(URL.prototype, Symbol.toStringTag, { value: "URL", configurable: true });

// ---- URLSearchParams

const unescape = (text) => decodePercent(text.replaceAll("+", " "));

// application/x-www-form-urlencoded leaves these as they are.
function escape(text) {
  let out = "";
  for (const byte of native.encode(text)) {
    const c = String.fromCharCode(byte);
    out += /[a-zA-Z0-9*\-._]/.test(c) ? c : c === " " ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function pairsOf(query) {
  return query.split("&").filter((part) => part !== "").map((part) => {
    const equals = part.indexOf("=");
    return equals < 0 ? [unescape(part), ""] : [unescape(part.slice(0, equals)), unescape(part.slice(equals + 1))];
  });
}

let makeParams;
let refill;

export class URLSearchParams {
  #pairs = [];
  #changed = null; // tells the URL that these parameters belong to

  static {
    makeParams = (query, changed) => {
      const params = new URLSearchParams(query);
      params.#changed = changed;
      return params;
    };
    refill = (params, query) => (params.#pairs = pairsOf(query));
  }

  constructor(init = "") {
    if (typeof init === "object" && init !== null && typeof init[Symbol.iterator] === "function") {
      for (const pair of init) {
        const [name, value, ...rest] = pair;
        if (value === undefined || rest.length) throw new TypeError("each query pair must be a name and a value");
        this.#pairs.push([`${name}`, `${value}`]);
      }
    } else if (typeof init === "object" && init !== null) {
      for (const name of Object.keys(init)) this.#pairs.push([name, `${init[name]}`]);
    } else {
      this.#pairs = pairsOf(`${init}`.toWellFormed().replace(/^\?/, ""));
    }
  }

  #update() {
    this.#changed?.(this.toString());
  }

  get size() {
    return this.#pairs.length;
  }

  append(name, value) {
    this.#pairs.push([`${name}`, `${value}`]);
    this.#update();
  }

  delete(name, value) {
    this.#pairs = this.#pairs.filter(([n, v]) => n !== `${name}` || (value !== undefined && v !== `${value}`));
    this.#update();
  }

  get(name) {
    return this.#pairs.find(([n]) => n === `${name}`)?.[1] ?? null;
  }

  getAll(name) {
    return this.#pairs.filter(([n]) => n === `${name}`).map(([, v]) => v);
  }

  has(name, value) {
    return this.#pairs.some(([n, v]) => n === `${name}` && (value === undefined || v === `${value}`));
  }

  set(name, value) {
    const at = this.#pairs.findIndex(([n]) => n === `${name}`);
    if (at < 0) {
      this.#pairs.push([`${name}`, `${value}`]);
    } else {
      this.#pairs[at][1] = `${value}`;
      this.#pairs = this.#pairs.filter(([n], i) => i <= at || n !== `${name}`);
    }
    this.#update();
  }

  sort() {
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#update();
  }

  forEach(callback, self) {
    for (const [name, value] of this) callback.call(self, value, name, this);
  }

  *entries() {
    for (let i = 0; i < this.#pairs.length; i++) yield [...this.#pairs[i]];
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  toString() {
    return this.#pairs.map(([name, value]) => `${escape(name)}=${escape(value)}`).join("&");
  }

  [Symbol.for("nodejs.util.inspect.custom")](depth, options, inspect) {
    const pairs = this.#pairs.map(([name, value]) => `${inspect(name, options)} => ${inspect(value, options)}`);
    return pairs.length ? `URLSearchParams { ${pairs.join(", ")} }` : "URLSearchParams {}";
  }
}
Object.defineProperty(URLSearchParams.prototype, Symbol.toStringTag, { value: "URLSearchParams", configurable: true });
