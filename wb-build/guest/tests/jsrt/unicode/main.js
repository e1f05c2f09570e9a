console.log("é".normalize("NFD").length, "ﬁ".normalize("NFKC"), "ß".toUpperCase(), "İ".toLowerCase().length);
console.log([..."👩‍👩‍👧"].length, /^\p{L}+$/u.test("日本"), "a\ud800".isWellFormed());
process.stdout.write("lone \ud800 surrogate\n");
