let b=''; process.stdin.on('data',d=>b+=d); process.stdin.on('end',()=>console.log('end',b.length)); 
