import { get } from "workbooks:dock/kv";

export const greet = (name: string) => `hello ${get(name: string) ? "again " : ""}${name}`;
