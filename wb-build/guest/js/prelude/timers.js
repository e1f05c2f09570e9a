// Timers, in order of time and then of creation. The loop in C calls runTimer
// whenever no promise job is left.
import * as native from "wb:native";

let queue = [];
let lastId = 0;

function insert(timer) {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (queue[middle].due <= timer.due) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, timer);
}

function start(callback, delay, args, repeats) {
  if (typeof callback !== "function") throw new TypeError(`the callback must be a function, not ${typeof callback}`);
  const ms = Number(delay) >= 1 ? Math.min(Number(delay), 0x7fffffff) : 1;
  const timer = { id: ++lastId, due: native.now() + ms, callback, args, ms, repeats };
  insert(timer);
  return timer.id;
}

function stop(id) {
  const at = queue.findIndex((timer) => timer.id === id);
  if (at >= 0) queue.splice(at, 1);
}

export const timers = {
  setTimeout: (callback, delay, ...args) => start(callback, delay, args, false),
  setInterval: (callback, delay, ...args) => start(callback, delay, args, true),
  clearTimeout: stop,
  clearInterval: stop,
  setImmediate(callback, ...args) {
    if (typeof callback !== "function") throw new TypeError(`the callback must be a function, not ${typeof callback}`);
    const timer = { id: ++lastId, due: -1, callback, args, repeats: false };
    insert(timer);
    return timer.id;
  },
  clearImmediate: stop,
};

// Runs the next timer, after waiting for it. False if there is none.
export function runTimer() {
  if (queue.length === 0) return false;
  const timer = queue.shift();
  const wait = timer.due - native.now();
  if (wait > 0) native.sleep(wait);
  if (timer.repeats) {
    timer.due = native.now() + timer.ms;
    insert(timer);
  }
  timer.callback(...timer.args);
  return true;
}
