import x from "./bad.json";
console.log(x);
