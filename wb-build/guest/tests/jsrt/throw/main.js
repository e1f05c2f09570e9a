function inner(x) {
  throw new TypeError("bad " + x);
}
setTimeout(() => console.log("never"), 0);
console.log("before");
inner(3);
