process.exit(3); console.log("no")
