// TextEncoder and TextDecoder for utf-8, utf-16le and latin1.
import * as native from "wb:native";

export class TextEncoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    return native.encode(`${text}`);
  }

  encodeInto(text, into) {
    let read = 0;
    let written = 0;
    for (const c of `${text}`) {
      const bytes = native.encode(c);
      if (written + bytes.length > into.length) break;
      into.set(bytes, written);
      written += bytes.length;
      read += c.length;
    }
    return { read, written };
  }
}

const labels = {
  "utf-8": "utf-8", utf8: "utf-8", "unicode-1-1-utf-8": "utf-8",
  "utf-16le": "utf-16le", "utf-16": "utf-16le", ucs2: "utf-16le", "ucs-2": "utf-16le", unicode: "utf-16le",
  latin1: "windows-1252", ascii: "windows-1252", "us-ascii": "windows-1252", "iso-8859-1": "windows-1252", "windows-1252": "windows-1252",
};

// 0x80 to 0x9f of windows-1252; 0 stands for the control of the same number.
const windows1252 = [
  0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
  0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

function fromUnits(units) {
  let text = "";
  for (let i = 0; i < units.length; i += 4096) text += String.fromCharCode.apply(null, units.subarray(i, i + 4096));
  return text;
}

const decoders = {
  "utf-8": {
    pending: (bytes) => native.pending(bytes),
    decode: (bytes, fatal) => native.decode(bytes, fatal),
  },
  "utf-16le": {
    pending(bytes) {
      const odd = bytes.length & 1;
      const last = bytes.length - odd - 1; // high byte of the last whole unit
      return last > 0 && (bytes[last] & 0xfc) === 0xd8 ? odd + 2 : odd;
    },
    decode(bytes, fatal) {
      const units = new Uint16Array(bytes.length >> 1);
      for (let i = 0; i < units.length; i++) units[i] = bytes[2 * i] | (bytes[2 * i + 1] << 8);
      const text = fromUnits(units) + (bytes.length & 1 ? "\ufffd" : "");
      if (fatal && (bytes.length & 1 || !text.isWellFormed())) throw new TypeError("the encoded data was not valid utf-16le");
      return text.toWellFormed();
    },
  },
  "windows-1252": {
    pending: () => 0,
    decode: (bytes) => fromUnits(Uint16Array.from(bytes, (b) => (b >= 0x80 && b < 0xa0 && windows1252[b - 0x80]) || b)),
  },
};

const none = new Uint8Array(0);

function bytesOf(input) {
  if (input === undefined) return none;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  return new Uint8Array(input);
}

export class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #pending = none; // an unfinished character of the stream so far
  #started = false; // the stream is past the place of a byte order mark

  constructor(label = "utf-8", options = {}) {
    this.#encoding = labels[`${label}`.trim().toLowerCase()];
    if (!this.#encoding) throw new RangeError(`the encoding "${label}" is not supported`);
    this.#fatal = !!options.fatal;
    this.#ignoreBOM = !!options.ignoreBOM;
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input, { stream = false } = {}) {
    const { pending, decode } = decoders[this.#encoding];
    let bytes = bytesOf(input);
    if (this.#pending.length) {
      const joined = new Uint8Array(this.#pending.length + bytes.length);
      joined.set(this.#pending);
      joined.set(bytes, this.#pending.length);
      bytes = joined;
    }
    const kept = stream ? pending(bytes) : 0;
    this.#pending = none;
    let text;
    try {
      text = decode(kept ? bytes.subarray(0, bytes.length - kept) : bytes, this.#fatal);
    } catch (error) {
      this.#started = false;
      throw error;
    }
    if (kept) this.#pending = bytes.slice(bytes.length - kept);
    if (text && !this.#started) {
      this.#started = true;
      if (!this.#ignoreBOM && this.#encoding !== "windows-1252" && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    if (!stream) this.#started = false;
    return text;
  }
}
