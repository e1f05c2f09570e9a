import { a } from "../lib/nothing.js";
