setTimeout(()=>console.log('b'),2); setTimeout(()=>console.log('a'),1); setImmediate(()=>console.log('imm')); queueMicrotask(()=>console.log('micro')); process.nextTick(()=>console.log('tick'));
let n=0; const i=setInterval(()=>{ if(++n===3){clearInterval(i);console.log('done')} },1); console.log('sync');
const q=setTimeout(()=>console.log('x'),1); clearTimeout(q); process.on('exit',c=>console.log('exit',c));
