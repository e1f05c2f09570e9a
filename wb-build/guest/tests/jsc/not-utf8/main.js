let s = "ÿþ";
console.log(s.length)