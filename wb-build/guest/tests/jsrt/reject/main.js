async function f() {
  await null;
  throw new Error("late");
}
f();
