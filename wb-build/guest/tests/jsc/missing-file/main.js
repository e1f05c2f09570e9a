import "./a.js";
import { x } from "./gone.js";
