export const a = 1; export { default as q } from "./data.json"
