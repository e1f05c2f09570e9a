console.log("%s has %d", "x", 4, { a: 1 });
console.error("to stderr");
console.group("G");
console.log("in");
console.groupEnd();
console.table([{ a: 1 }, { a: 2 }]);
console.count();
console.assert(false, "no");
