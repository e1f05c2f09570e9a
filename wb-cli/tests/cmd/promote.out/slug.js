console.log("slug")
