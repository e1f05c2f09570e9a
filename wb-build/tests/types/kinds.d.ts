// The world `example:kinds/kinds@0.1.0` for programs in JavaScript and TypeScript.

declare module "example:kinds/types@0.1.0" {
  export interface Marks {
    read?: boolean;
    writeBack?: boolean;
    run?: boolean;
  }
  export type Color = "red" | "dark-green";
  /** One of three. */
  export type Shape =
    | { tag: "circle"; val: number }
    /** Width and height. */
    | { tag: "box"; val: [number, number] }
    | { tag: "nothing" };
  export type Id = bigint;
  export type Samples = Int16Array;
  /** Its name is that of a type of the language. */
  export type Array = (string | undefined)[];
  export interface Item {
    /** Not a path: `*\/` ends nothing. */
    itemName: string;
    count: number;
    id: Id;
    letter: string;
    tags: string[];
    bytes: Uint8Array;
    numbers: Samples;
    maybe?: number | undefined;
    deep: { tag: "some"; val?: string | undefined } | { tag: "none" };
    marks: Marks;
    color: Color;
    shapes: Shape[];
    pairs: [string, boolean][];
    outcome: { tag: "ok"; val: number } | { tag: "err"; val: string };
    nothingSaid: { tag: "ok" } | { tag: "err" };
  }
}
declare module "example:kinds/types" {
  export * from "example:kinds/types@0.1.0";
}

declare module "example:kinds/store@0.1.0" {
  export type Item = import("example:kinds/types@0.1.0").Item;
  /**
   * A way to items.
   *
   * It ends with its last use.
   */
  export class Cursor {
    constructor(from: string, most?: number | undefined);
    /** @throws {string} */
    next(): Item | undefined;
    static all(): Cursor[];
  }
  export class Token {
    private constructor();
    text(): string;
  }
  export function issue(in_: string): Token;
  function delete_(id: bigint): boolean;
  export { delete_ as delete };
}
declare module "example:kinds/store" {
  export * from "example:kinds/store@0.1.0";
}

declare module "workbooks:dock/types@1.0.0" {
  /** What kind of failure. */
  export type FailureKind = "not-found" | "too-deep" | "refused" | "bad-request" | "failed" | "limit" | "unavailable" | "timed-out";
  /** Why something was not done: a kind for programs, words for people. */
  export interface Failure {
    kind: FailureKind;
    /** What was found, then what was wanted. */
    message: string;
  }
  /** What a command left behind. */
  export interface Output {
    /** Its exit code; 0 is success. */
    exitCode: number;
    stdout: Uint8Array;
    stderr: Uint8Array;
  }
}
declare module "workbooks:dock/types" {
  export * from "workbooks:dock/types@1.0.0";
}

declare module "workbooks:dock/tcp@1.0.0" {
  export type Failure = import("workbooks:dock/types@1.0.0").Failure;
  /** A stream of bytes in each direction. Dropping it closes it. */
  export class Connection {
    private constructor();
    /**
     * Sends all of `data`.
     * @throws {Failure}
     */
    send(data: Uint8Array): void;
    /**
     * Waits for bytes, and returns up to `most` of them; none when the other end has closed.
     * @throws {Failure}
     */
    receive(most: number): Uint8Array;
  }
  /**
   * Connects to a port. The host resolves the name once and refuses addresses out of reach.
   * @throws {Failure}
   */
  export function connect(host: string, port: number): Connection;
}
declare module "workbooks:dock/tcp" {
  export * from "workbooks:dock/tcp@1.0.0";
}

declare module "now" {
  /** What the time is, in words. */
  export function now(): string;
  export default now;
}

declare module "example:kinds/kinds/notions" {
  export type Notion = "one" | "other";
}

declare module "example:kinds/kinds/area" {
  export type Shape = import("example:kinds/types@0.1.0").Shape;
  export type Unit = "metre" | "foot";
}

declare module "example:kinds/kinds@0.1.0" {
  export type Item = import("example:kinds/types@0.1.0").Item;
  export type Shape = import("example:kinds/types@0.1.0").Shape;
  export function echo(item: Item): Item | Promise<Item>;
  /** @throws {string} */
  export function half(n: number, again?: boolean | undefined): number | Promise<number>;
  /** @throws {Shape} */
  export function check(shape: Shape): void | Promise<void>;
  function default_(): void | Promise<void>;
  export { default_ as default };
  export const area: {
    ofShape(s: import("example:kinds/kinds/area").Shape, in_: import("example:kinds/kinds/area").Unit): number | Promise<number>;
  };
}
declare module "example:kinds/kinds" {
  export * from "example:kinds/kinds@0.1.0";
}
