import { a,
 b } from "./lib.js"; import d from "./data.json"; console.log(a,d);
