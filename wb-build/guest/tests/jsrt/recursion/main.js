// Deep recursion of every kind ends in an error that can be caught.
function attempt(what, f) {
  try {
    f();
    console.log(what, "returned");
  } catch (error) {
    console.log(what, error.name);
  }
}
const deep = (n) => { let a = []; for (let i = 0; i < n; i++) a = [a]; return a; };
attempt("function", function r() { r(); });
attempt("getter", () => { const o = { get x() { return this.x; } }; o.x; });
attempt("proxy", () => { const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.x; });
attempt("constructor", () => { class A { constructor() { new A(); } } new A(); });
attempt("map", function m() { return [1].map(() => m()); });
attempt("replace", function m() { return "a".replace(/a/, () => m()); });
attempt("sort", function m() { return [2, 1].sort(() => m()); });
attempt("generator", () => { function* g() { yield* g(); } [...g()]; });
attempt("eval", function m() { globalThis.m = m; return eval("m()"); });
attempt("toJSON", () => { const o = { toJSON: () => JSON.stringify(o) }; JSON.stringify(o); });
attempt("JSON.parse", () => JSON.parse("[".repeat(100000)));
attempt("JSON.stringify", () => JSON.stringify(deep(100000)));
attempt("toString", () => String(deep(100000)));
attempt("parser", () => eval("(".repeat(20000)));
attempt("arrows", () => eval("a=>".repeat(20000) + "1"));
attempt("regular expression", () => new RegExp("(".repeat(50000) + ")".repeat(50000)));
attempt("500 levels", function f(n = 500) { return n && f(n - 1); });
attempt("500 levels of JSON", () => JSON.parse(JSON.stringify(deep(500))));
