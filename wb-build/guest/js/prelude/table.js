export const inspect=(x)=>String(x?.stack?String(x)+'\n'+x.stack:x), format=(...a)=>a.map(String).join(' ');
