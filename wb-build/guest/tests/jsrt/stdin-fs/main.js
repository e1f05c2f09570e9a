import fs from "node:fs";
const lines = fs.readFileSync(0, "utf8").trimEnd().split("\n");
console.log(lines.map(Number).reduce((a, b) => a + b, 0));
