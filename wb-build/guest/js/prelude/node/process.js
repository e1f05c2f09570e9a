import { process } from "../process.js";

export default process;
export const { argv, env, exit, stdin, stdout, stderr } = process;
