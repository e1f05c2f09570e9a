import { f } from "./lib/f.js";
f();
