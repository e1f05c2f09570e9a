// The world `example:agent/agent` for programs in JavaScript and TypeScript.

declare module "session-info" {
  /**
   * Who runs this. Needs no capability.
   *
   * JSON `{"id": string, "tenant": string, "profile": string}`.
   */
  export function sessionInfo(): string;
  export default sessionInfo;
}

declare module "vfs-query" {
  /**
   * Runs one SQL statement on the volume `workspace`. Needs `vfs`.
   *
   * JSON: an array of rows, each an array of values; or `{"error": string}`.
   */
  export function vfsQuery(sql: string): string;
  export default vfsQuery;
}

declare module "run-command" {
  /**
   * Runs a command with `input` as its standard input. Needs `commands`.
   *
   * Its standard output, with bytes that are no UTF-8 replaced, whatever its exit
   * code; or JSON `{"error": string}` when it could not be run to its end.
   *
   * A world may declare it without the last parameter: then there are no arguments.
   */
  export function runCommand(command: string, input: string, args: string[]): string;
  export default runCommand;
}

declare module "example:agent/agent" {
  /** The entry. */
  export function run(input: string): string | Promise<string>;
}
