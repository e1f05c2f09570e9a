let a=[]; for(let i=0;i<300;i++) a.push(new Uint8Array(1e6).fill(i&255)); let s=0; for(const x of a) s+=x[999999]; console.log(s);
let m=new Map(); for(let i=0;i<200000;i++) m.set('k'+i,{i}); console.log(m.size, m.get('k1234').i); a=null; m=null; let str=''; for(let i=0;i<1e6;i++) str+='x'; console.log(str.length);
