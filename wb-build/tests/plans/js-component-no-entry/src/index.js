import { get } from "workbooks:dock/kv";

export const greet = (name) => `hello ${get(name) ? "again " : ""}${name}`;
