// Stack traces as people should see them: without the runtime's own frames, and
// with the places of the sources that a bundle was made of.
import * as native from "wb:native";

const frame = /^(\s*at .*?\(?)([^\s()]+):(\d+):(\d+)(\)?)$/;

export function showStack(stack, head) {
  const lines = stack.startsWith(head) ? stack.slice(head.length).split("\n") : stack.split("\n");
  const shown = [];
  for (const line of lines) {
    if (!line.trim() || line.includes("(wb:") || line.includes("at wb:") || line.endsWith("(native)")) continue;
    const [, before, file, row, column, after] = frame.exec(line) ?? [];
    const source = file && original(file, Number(row), Number(column));
    shown.push(source ? `${before}${source.file}:${source.line}:${source.column}${after}` : line);
  }
  return shown.join("\n");
}

// ---- source maps, version 3

const maps = new Map(); // module name -> { sources, rows } or null

// The place in the sources; undefined if there is no map, or no entry.
function original(file, line, column) {
  if (!maps.has(file)) maps.set(file, read(native.sourceMap(file)));
  const map = maps.get(file);
  const row = map?.rows[line - 1];
  if (!row) return undefined;
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row[middle][0] <= column - 1) low = middle + 1;
    else high = middle;
  }
  const entry = row[low - 1];
  if (!entry || entry.length < 4) return undefined;
  return { file: map.sources[entry[1]], line: entry[2] + 1, column: entry[3] + 1 };
}

function read(text) {
  if (!text) return null;
  const { mappings, sources, sourceRoot = "" } = JSON.parse(text);
  const last = [0, 0, 0, 0]; // column, source, line, column of the entry before
  const rows = mappings.split(";").map((row) => {
    last[0] = 0;
    return row === "" ? [] : row.split(",").map((entry) => digits(entry).map((delta, i) => (last[i] = (last[i] ?? 0) + delta)));
  });
  // Sources are told from the top of the tree, not from where the bundle lay.
  return { sources: sources.map((source) => (sourceRoot + source).replace(/^(\.\.?\/)+/, "")), rows };
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Base 64 digits of five bits and a continuation bit, sign in the lowest bit.
function digits(entry) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const c of entry) {
    const digit = alphabet.indexOf(c);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return numbers.slice(0, 4);
}
