const p = Promise.reject(new Error("x"));
setTimeout(() => console.log("t"), 5);
Promise.resolve().then(() => p.catch((e) => console.log("caught", e.message)));
process.exitCode = 7;
