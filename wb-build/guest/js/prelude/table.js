// console.table
import { inspect } from "./inspect.js";

function cell(value) {
  const wide = typeof value === "object" && value !== null && Object.keys(value).length > 2;
  return inspect(value, { depth: wide ? -1 : 0, breakLength: Infinity });
}

function draw(head, rows) {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const rule = (left, middle, right) => left + widths.map((width) => "─".repeat(width + 2)).join(middle) + right;
  const line = (cells) => `│${cells.map((text, i) => ` ${text.padEnd(widths[i])} `).join("│")}│`;
  return [rule("┌", "┬", "┐"), line(head), rule("├", "┼", "┤"), ...rows.map(line), rule("└", "┴", "┘")].join("\n");
}

export function table(data, columns) {
  if (data === null || typeof data !== "object") return inspect(data);
  if (data instanceof Map) {
    return draw(["(iteration index)", "Key", "Values"], Array.from(data, ([key, value], i) => [`${i}`, cell(key), cell(value)]));
  }
  if (data instanceof Set) {
    return draw(["(iteration index)", "Values"], Array.from(data, (value, i) => [`${i}`, cell(value)]));
  }
  const isObject = (row) => row !== null && typeof row === "object";
  const rows = Object.entries(data);
  const names = new Set(columns ?? rows.flatMap(([, row]) => (isObject(row) ? Object.keys(row) : [])));
  const hasValues = rows.some(([, row]) => !isObject(row));
  return draw(["(index)", ...names, ...(hasValues ? ["Values"] : [])], rows.map(([index, row]) => {
    const cells = [index];
    for (const name of names) cells.push(isObject(row) && Object.hasOwn(row, name) ? cell(row[name]) : "");
    if (hasValues) cells.push(isObject(row) ? "" : cell(row));
    return cells;
  }));
}
