console.log(process.argv);
console.log(process.argv.slice(2).map((a) => a.length));
